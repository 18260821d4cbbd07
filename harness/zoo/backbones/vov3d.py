"""VoV3D: blocks that join the outputs of all their units once, at the end (one-shot aggregation).

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Lee et al. 2020, arXiv 2012.00317; names and shapes checked against
github.com/youngwanLEE/VoV3D, commit df9cc7b.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.conv import conv_bn, start_at_zero
from harness.zoo.layers.depthwise import DepthwiseNet, depthwise_bn
from harness.zoo.layers.gate import ChannelGate, sixteenth
from harness.zoo.layers.slots import Slots


class Unit(nn.Module):
    """A residual unit whose depthwise convolution sees space, then time, with nothing between.

    Args:
        channels: Input channels.
        width: Output channels.
        inner: Channels of the depthwise convolutions.
        stride: Stride in height and width.
        gated: Whether inner channels are gated.
    """

    def __init__(self, channels: int, width: int, *, inner: int, stride: int, gated: bool) -> None:
        super().__init__()
        self.expand = conv_bn(channels, inner, kernel=(1, 1, 1))
        self.depthwise = depthwise_bn(inner, (1, 3, 3), (3, 1, 1), stride=stride)
        self.gate: nn.Module = nn.Identity()
        if gated:
            self.gate = ChannelGate(inner, width=sixteenth(inner))
        self.project = conv_bn(inner, width, kernel=(1, 1, 1))
        self.has_shortcut = stride == 1 and channels == width

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU D T h w"]:
        y = self.depthwise(F.relu(self.expand(x), inplace=True))
        y = self.project(F.silu(self.gate(y)))
        return F.relu(x + y if self.has_shortcut else y, inplace=True)


class OneShotBlock(nn.Module):
    """A residual block of units in series, whose outputs are joined and projected.

    The block's input is joined too, before the outputs, unless the block is strided. Shapes of
    released weights cannot show that order; it is that of VoVNet (Lee et al. 2019). Units of even
    index are gated.

    Args:
        channels: Input channels.
        width: Output channels, of the block and of each unit.
        inner: Channels of the depthwise convolutions.
        index: Of the block in its stage; the first one halves height and width.
        num_units: Units in series.
    """

    def __init__(
        self, channels: int, width: int, *, inner: int, index: int, num_units: int
    ) -> None:
        super().__init__()
        stride = 2 if index == 0 else 1
        self.units = nn.ModuleList(
            Unit(
                channels if i == 0 else width,
                width,
                inner=inner,
                stride=stride if i == 0 else 1,
                gated=i % 2 == 0,
            )
            for i in range(num_units)
        )
        self.joins_input = stride == 1
        joined = num_units * width + (channels if self.joins_input else 0)
        self.project = start_at_zero(conv_bn(joined, width, kernel=(1, 1, 1)))
        self.shortcut: nn.Module = nn.Identity()
        if index == 0:
            self.shortcut = conv_bn(channels, width, kernel=(1, 1, 1), stride=stride)
        self.slots = Slots({"before_conv1": channels, "after_block": width})

    def forward(
        self, x: Float[Tensor, "NU C T H W"], num_snippets: int
    ) -> Float[Tensor, "NU D T h w"]:
        y = self.slots.run("before_conv1", x, num_snippets)
        outputs = [y] if self.joins_input else []
        for unit in self.units:
            y = unit(y)
            outputs.append(y)
        y = F.relu(self.project(torch.cat(outputs, dim=1)) + self.shortcut(x), inplace=True)
        return self.slots.run("after_block", y, num_snippets)


def vov3d(
    *,
    num_classes: int,
    depths: Sequence[int],
    stem_width: int,
    num_units: int = 5,
    dropout: float = 0.5,
    pool_side: int | None = None,
) -> DepthwiseNet:
    """Build a VoV3D network.

    Args:
        num_classes: K.
        depths: Blocks in res2 to res5.
        stem_width: Channels of the stem and of res2; a stage is twice as wide as the one before.
        num_units: Units of a block.
        dropout: Probability before the classifier.
        pool_side: Side of the head's window in pixels of the last feature map; None pools the
            whole map. The released code's is 7, as of a training crop of 224 pixels.
    """
    return DepthwiseNet(
        num_classes=num_classes,
        make_block=partial(OneShotBlock, num_units=num_units),
        expansion=2.0,
        depths=depths,
        stem_width=stem_width,
        dropout=dropout,
        pool_side=pool_side,
    )


vov3d_m = partial(vov3d, depths=(1, 2, 3, 2), stem_width=20)
vov3d_l = partial(vov3d, depths=(1, 2, 5, 3), stem_width=24)
vov3d_m_2020 = partial(vov3d, depths=(1, 1, 2, 2), stem_width=24, num_units=4)
