"""Networks of clips whose logits are averaged over snippets.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes.
"""

from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.head import classifier
from harness.zoo.layers.snippets import average_snippets, fold_snippets


class ClipNetwork(nn.Module):
    """A network of clips and a classifier, run on each snippet.

    Args:
        trunk: Maps clips (N 3 T H W) to features (N C).
        width: C of the features.
        num_classes: K.
        dropout: Probability before the classifier.
    """

    def __init__(
        self, trunk: nn.Module, *, width: int, num_classes: int, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.fc = classifier(width, num_classes)

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        features = self.trunk(fold_snippets(x))
        return average_snippets(self.fc(self.dropout(features)), x.shape[1])
