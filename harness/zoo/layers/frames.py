"""Networks of pictures that average the logits of frames (TSN).

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; B pictures.
Source: Wang et al. 2016 (TSN: frames share weights, their logits are averaged).
"""

from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.conv import fold_time
from harness.zoo.layers.head import classifier
from harness.zoo.layers.snippets import average_snippets, fold_snippets


class FrameNetwork(nn.Module):
    """A picture network and a classifier, whose logits are averaged over every frame of a video.

    Args:
        trunk: Maps pictures (B 3 H W) to feature maps (B C h w) of any size.
        width: C of the feature maps.
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
        num_pictures = x.shape[1] * x.shape[3]
        features = reduce(self.trunk(fold_time(fold_snippets(x))), "b c h w -> b c", "mean")
        return average_snippets(self.fc(self.dropout(features)), num_pictures)
