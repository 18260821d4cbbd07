"""ECO: 2D features of frames stacked along time, and a 3D network over them.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means N and U folded,
B pictures.
Source: Zolfaghari et al. 2018, arXiv 1804.09066, section 3; checked against
github.com/mzolfaghari/ECO-pytorch, commit b175e7c.
"""

from functools import partial

import torch
import torch.nn.functional as F
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.backbones.inception.bn_inception import (
    FULL_WIDTH,
    INPUTS,
    LAST_WIDTH,
    WIDTHS,
    Inception,
    RoundedUpPool,
    branch,
    conv,
    scaled,
    stem,
)
from harness.zoo.layers.conv import fold_time, unfold_time
from harness.zoo.layers.head import classifier
from harness.zoo.layers.initial import he_normal
from harness.zoo.layers.snippets import average_snippets, fold_snippets

TAIL_WIDTHS = (128, 256, 512)


class ECO(nn.Module):
    """The start of BN-Inception over frames, and a residual 3D network over their features.

    Args:
        num_classes: K.
        full: Run the rest of BN-Inception over frames too, and classify both features (ECO Full);
            without it this is ECO Lite.
        stem_width: Channels of the first convolution; all others go in proportion.
        stem_stride: Stride of the first convolution. Pictures of less than 32 pixels need 1.
        dropout: Probability before the classifier.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        full: bool,
        stem_width: int = FULL_WIDTH,
        stem_stride: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        blocks = (Inception(name, stem_width) for name in ("3a", "3b"))
        self.start = nn.Sequential(stem(stem_width, stem_stride), *blocks)
        channels, double = scaled(INPUTS["3c"], stem_width), WIDTHS["3c"][2]
        self.reduction = branch(channels, double, stem_width, depth=1, stride=1)
        self.tail = tail(scaled(double[1], stem_width), stem_width)
        self.rest = Rest(stem_width) if full else None
        he_normal(self)
        features = scaled(TAIL_WIDTHS[-1] + LAST_WIDTH * full, stem_width)
        self.dropout = nn.Dropout(dropout)
        self.fc = classifier(features, num_classes)

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        num_snippets, num_frames = x.shape[1], x.shape[3]
        early = self.start(fold_time(fold_snippets(x)))
        reduced = self.reduction(early)
        volume = self.tail(unfold_time(reduced, frames=num_frames))
        features = reduce(volume, "nu c t h w -> nu c", "mean")
        if self.rest is not None:
            late = reduce(self.rest(early, reduced), "(nu t) c h w -> nu c", "mean", t=num_frames)
            features = torch.cat([late, features], dim=1)
        return average_snippets(self.fc(self.dropout(features)), num_snippets)


class Rest(nn.Module):
    """BN-Inception from the place on where ECO leaves it, in the middle of block 3c.

    Args:
        stem_width: Channels of the first convolution of the network.
    """

    def __init__(self, stem_width: int) -> None:
        super().__init__()
        _, three, (_, width), _ = WIDTHS["3c"]
        channels, width = scaled(INPUTS["3c"], stem_width), scaled(width, stem_width)
        self.three = branch(channels, three, stem_width, depth=1, stride=2)
        self.twice = conv(width, width, kernel=3, stride=2)
        self.pool = RoundedUpPool()
        later = [name for name in WIDTHS if name > "3c"]
        self.blocks = nn.Sequential(*(Inception(name, stem_width) for name in later))

    def forward(
        self, x: Float[Tensor, "B C H W"], reduced: Float[Tensor, "B D H W"]
    ) -> Float[Tensor, "B E h w"]:
        y = torch.cat([self.three(x), self.twice(reduced), self.pool(x)], dim=1)
        features: Tensor = self.blocks(y)
        return features


class Unit(nn.Module):
    """A residual unit whose batch norms and ReLUs stand before its convolutions.

    Args:
        channels: Input channels.
        width: Output channels. If they differ, time, height and width are halved, and the shortcut
            is a convolution of the activated input.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        stride = 1 if channels == width else 2
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv1 = conv3d(channels, width, stride=stride)
        self.norm2 = nn.BatchNorm3d(width)
        self.conv2 = conv3d(width, width)
        self.shortcut = conv3d(channels, width, stride=2) if stride == 2 else None

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU D t h w"]:
        active = F.relu(self.norm1(x), inplace=True)
        y: Tensor = self.conv2(F.relu(self.norm2(self.conv1(active)), inplace=True))
        return y + (x if self.shortcut is None else self.shortcut(active))


def tail(channels: int, stem_width: int) -> nn.Sequential:
    """Build the 3D network."""
    first, second, third = (scaled(width, stem_width) for width in TAIL_WIDTHS)
    return nn.Sequential(
        conv3d(channels, first),
        Unit(first, first),
        Unit(first, second),
        Unit(second, second),
        Unit(second, third),
        Unit(third, third),
        nn.BatchNorm3d(third),
        nn.ReLU(inplace=True),
    )


def conv3d(channels: int, width: int, *, stride: int = 1) -> nn.Conv3d:
    """Build a 3x3x3 convolution with bias."""
    return nn.Conv3d(channels, width, 3, stride=stride, padding=1)


eco_lite = partial(ECO, full=False)
eco_full = partial(ECO, full=True)
