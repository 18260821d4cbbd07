"""Residual blocks, with slots for inserted modules.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means both folded.
Source: He et al. 2016 (residual blocks, stride on the 3x3 convolution).
"""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.conv import Kernel, conv_bn
from harness.zoo.layers.slots import Slots

POSITIONS = ("before_conv1", "after_conv1", "after_conv2", "after_conv3", "after_block")


class Block(nn.Module):
    """A residual block: convolutions with batch norm, ReLU between them, and a shortcut.

    The position after the last convolution is behind its batch norm and before the addition;
    positions between convolutions follow a ReLU, and `after_block` follows the addition and its
    ReLU.

    Args:
        channels: Input channels.
        widths: Output channels of each convolution.
        kernels: Kernel of each convolution.
        stride: Stride in space, on the first convolution that is wider than one pixel.
        middle: In place of the second convolution, its batch norm and its ReLU.
    """

    def __init__(
        self,
        channels: int,
        *,
        widths: Sequence[int],
        kernels: Sequence[Kernel],
        stride: int,
        middle: nn.Module | None = None,
    ) -> None:
        super().__init__()
        strided = next(i for i, kernel in enumerate(kernels) if kernel[2] > 1)
        inputs = (channels, *widths[:-1])
        self.convs = nn.ModuleList(
            conv_bn(before, after, kernel=kernel, stride=stride if i == strided else 1)
            for i, (before, after, kernel) in enumerate(zip(inputs, widths, kernels, strict=True))
        )
        self.without_relu = {len(widths) - 1}
        if middle is not None:
            self.convs[1] = middle
            self.without_relu |= {1}
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != widths[-1]:
            self.shortcut = conv_bn(channels, widths[-1], kernel=(1, 1, 1), stride=stride)
        channels_at = dict(zip(POSITIONS, (channels, *widths), strict=False))
        self.slots = Slots(channels_at | {"after_block": widths[-1]})

    def forward(
        self, x: Float[Tensor, "NU C T H W"], num_snippets: int
    ) -> Float[Tensor, "NU D T h w"]:
        y = self.slots.run("before_conv1", x, num_snippets)
        for i, conv in enumerate(self.convs):
            y = conv(y) if i in self.without_relu else F.relu(conv(y), inplace=True)
            y = self.slots.run(POSITIONS[i + 1], y, num_snippets)
        y = F.relu(y + self.shortcut(x), inplace=True)
        return self.slots.run("after_block", y, num_snippets)
