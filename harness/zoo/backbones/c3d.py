"""C3D: 3x3x3 convolutions and pools, without residuals or batch norm.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes.
Source: Tran et al. 2015, arXiv 1412.0767, section 3.3.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.clips import ClipNetwork
from harness.zoo.layers.initial import he_normal

# Channels of the convolutions between pools, in multiples of the first.
WIDTHS = ((1,), (2,), (4, 4), (8, 8), (8, 8))
MAP = (1, 4, 4)  # of 16 frames of 112 pixels, behind the last pool
HIDDEN = 64  # width of fc6 and fc7, in multiples of the first convolution


class C3D(nn.Module):
    """The network up to the ReLU of fc7.

    Pools round up. A map of another extent than that of 16 frames of 112 pixels is averaged, or
    repeated, to it, so that fc6 is the same for snippets of any extent.

    Args:
        stem_width: Channels of the first convolution; all others go in proportion.
        dropout: Probability behind fc6.
    """

    def __init__(self, *, stem_width: int = 64, dropout: float = 0.5) -> None:
        super().__init__()
        self.convs, channels = nn.Sequential(), 3
        for index, multiples in enumerate(WIDTHS):
            for multiple in multiples:
                self.convs.extend(conv(channels, multiple * stem_width))
                channels = multiple * stem_width
            time = 1 if index == 0 else 2
            self.convs.append(nn.MaxPool3d((time, 2, 2), ceil_mode=True))
        hidden = HIDDEN * stem_width
        self.fc6 = nn.Linear(channels * MAP[0] * MAP[1] * MAP[2], hidden)
        self.dropout = nn.Dropout(dropout)
        self.fc7 = nn.Linear(hidden, hidden)
        he_normal(self)

    def forward(self, x: Float[Tensor, "N 3 T H W"]) -> Float[Tensor, "N C"]:
        y = F.adaptive_avg_pool3d(self.convs(x), MAP).flatten(1)
        y = self.dropout(F.relu(self.fc6(y)))
        return F.relu(self.fc7(y))


def conv(channels: int, width: int) -> nn.Sequential:
    """Build a 3x3x3 convolution with bias, and a ReLU."""
    return nn.Sequential(nn.Conv3d(channels, width, 3, padding=1), nn.ReLU(inplace=True))


def c3d(*, num_classes: int, stem_width: int = 64, dropout: float = 0.5) -> ClipNetwork:
    """Build a C3D.

    Args:
        num_classes: K.
        stem_width: Channels of the first convolution; all others go in proportion.
        dropout: Probability behind fc6 and fc7.
    """
    trunk = C3D(stem_width=stem_width, dropout=dropout)
    return ClipNetwork(trunk, width=HIDDEN * stem_width, num_classes=num_classes, dropout=dropout)
