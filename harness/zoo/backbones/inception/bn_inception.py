"""BN-Inception over frames (TSN), in the form that video networks took over from Caffe.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; B pictures.
Source: Ioffe and Szegedy 2015, arXiv 1502.03167 (network); Wang et al. 2016 (TSN); details of the
Caffe form (biased convolutions, pools that round up) checked against
github.com/yjxiong/tsn-pytorch, commit 2f0468e.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.frames import FrameNetwork
from harness.zoo.layers.initial import he_normal

FULL_WIDTH = 64  # channels of the stem
# Channels of the 1x1 branch, of the 3x3 branch (reduced, output), of the double 3x3 branch (the
# same) and behind the pool. A block without 1x1 branch halves the picture.
WIDTHS = {
    "3a": (64, (64, 64), (64, 96), 32),
    "3b": (64, (64, 96), (64, 96), 64),
    "3c": (0, (128, 160), (64, 96), 0),
    "4a": (224, (64, 96), (96, 128), 128),
    "4b": (192, (96, 128), (96, 128), 128),
    "4c": (160, (128, 160), (128, 160), 128),
    "4d": (96, (128, 192), (160, 192), 128),
    "4e": (0, (128, 192), (192, 256), 0),
    "5a": (352, (192, 320), (160, 224), 128),
    "5b": (352, (192, 320), (192, 224), 128),
}
INPUTS = dict(zip(WIDTHS, (192, 256, 320, 576, 576, 576, 608, 608, 1056, 1024), strict=True))
LAST_WIDTH = 1024


def bn_inception(
    *, num_classes: int, stem_width: int = FULL_WIDTH, stem_stride: int = 2, dropout: float = 0.5
) -> FrameNetwork:
    """Build a TSN on BN-Inception.

    Args:
        num_classes: K.
        stem_width: Channels of the first convolution; all others go in proportion.
        stem_stride: Stride of the first convolution. Pictures of less than 32 pixels need 1.
        dropout: Probability before the classifier.
    """
    return FrameNetwork(
        BNInception(stem_width=stem_width, stem_stride=stem_stride),
        width=scaled(LAST_WIDTH, stem_width),
        num_classes=num_classes,
        dropout=dropout,
    )


class BNInception(nn.Module):
    """The network of pictures up to its last feature map.

    Sides are multiples of 32 with the usual stride of the stem: branches of other sizes differ.

    Args:
        stem_width: Channels of the first convolution; all others go in proportion.
        stem_stride: Stride of the first convolution.
    """

    def __init__(self, *, stem_width: int = FULL_WIDTH, stem_stride: int = 2) -> None:
        super().__init__()
        self.stem = stem(stem_width, stem_stride)
        self.blocks = nn.ModuleDict({name: Inception(name, stem_width) for name in WIDTHS})
        he_normal(self)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        y: Tensor = self.stem(x)
        for block in self.blocks.values():
            y = block(y)
        return y


class Inception(nn.Module):
    """A block of branches side by side: 1x1, 3x3, twice 3x3, and a pool.

    Args:
        name: A key of `WIDTHS`.
        stem_width: Channels of the first convolution of the network.
    """

    def __init__(self, name: str, stem_width: int) -> None:
        super().__init__()
        channels = scaled(INPUTS[name], stem_width)
        one, three, double, pooled = WIDTHS[name]
        stride = 1 if one else 2
        self.branches = nn.ModuleDict()
        if one:
            self.branches["one"] = conv(channels, scaled(one, stem_width), kernel=1)
        self.branches["three"] = branch(channels, three, stem_width, depth=1, stride=stride)
        self.branches["twice"] = branch(channels, double, stem_width, depth=2, stride=stride)
        self.branches["pool"] = RoundedUpPool()
        if pooled:
            # Zeros beyond the border count in the average.
            pool = nn.MaxPool2d if name == "5b" else nn.AvgPool2d
            projection = conv(channels, scaled(pooled, stem_width), kernel=1)
            self.branches["pool"] = nn.Sequential(pool(3, stride=1, padding=1), projection)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        return torch.cat([layer(x) for layer in self.branches.values()], dim=1)


class RoundedUpPool(nn.MaxPool2d):
    """A maximum over 3x3 windows with stride 2, the last of which may reach over the border."""

    def __init__(self) -> None:
        super().__init__(3, stride=2, ceil_mode=True)


def stem(stem_width: int, stem_stride: int) -> nn.Sequential:
    """Build the layers before the first block."""
    return nn.Sequential(
        conv(3, stem_width, kernel=7, stride=stem_stride),
        RoundedUpPool(),
        conv(stem_width, stem_width, kernel=1),
        conv(stem_width, scaled(INPUTS["3a"], stem_width), kernel=3),
        RoundedUpPool(),
    )


def branch(
    channels: int, widths: tuple[int, int], stem_width: int, *, depth: int, stride: int
) -> nn.Sequential:
    """Build a 1x1 convolution and 3x3 ones behind it, of which the last is strided."""
    reduced, width = (scaled(width, stem_width) for width in widths)
    inputs = (reduced, *(width,) * (depth - 1))
    strides = (*(1,) * (depth - 1), stride)
    return nn.Sequential(
        conv(channels, reduced, kernel=1),
        *(conv(i, width, kernel=3, stride=s) for i, s in zip(inputs, strides, strict=True)),
    )


def conv(channels: int, width: int, *, kernel: int, stride: int = 1) -> nn.Sequential:
    """Build a convolution with bias, its batch norm and a ReLU."""
    layer = nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2)
    return nn.Sequential(layer, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def scaled(channels: int, stem_width: int) -> int:
    """Return channels of the full network in proportion to the stem.

    Raises:
        ValueError: If they are no whole number.
    """
    if channels * stem_width % FULL_WIDTH:
        raise ValueError(
            f"stem_width={stem_width} makes {channels * stem_width / FULL_WIDTH:g} channels of "
            f"{channels}; a multiple of 8 fits everywhere"
        )
    return channels * stem_width // FULL_WIDTH
