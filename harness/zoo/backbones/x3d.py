"""X3D: inverted residual blocks with depthwise 3D convolutions, thin and deep.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Feichtenhofer 2020, arXiv 2004.04730; checked against github.com/facebookresearch/SlowFast,
commit 287ec00, and github.com/facebookresearch/pytorchvideo, commit f3142bb.
"""

from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.conv import conv_bn, start_at_zero
from harness.zoo.layers.depthwise import DepthwiseNet, depthwise_bn
from harness.zoo.layers.gate import ChannelGate, sixteenth
from harness.zoo.layers.residual import POSITIONS
from harness.zoo.layers.slots import Slots


class InvertedBlock(nn.Module):
    """A residual block that is wide inside, where a depthwise convolution sees space and time.

    Blocks of even index gate their inner channels; `after_conv2` lies behind gate and swish.

    Args:
        channels: Input channels.
        width: Output channels.
        inner: Channels of the depthwise convolution.
        index: Of the block in its stage; the first one halves height and width.
        shortcut_norm: Whether a shortcut that strides without more channels has a batch norm.
    """

    def __init__(
        self, channels: int, width: int, *, inner: int, index: int, shortcut_norm: bool
    ) -> None:
        super().__init__()
        stride = 2 if index == 0 else 1
        self.convs = nn.ModuleList(
            [
                conv_bn(channels, inner, kernel=(1, 1, 1)),
                depthwise_bn(inner, (3, 3, 3), stride=stride),
                start_at_zero(conv_bn(inner, width, kernel=(1, 1, 1))),
            ]
        )
        self.gate: nn.Module = nn.Identity()
        if index % 2 == 0:
            self.gate = ChannelGate(inner, width=sixteenth(inner))
        self.shortcut: nn.Module = nn.Identity()
        if index == 0:
            layers = conv_bn(channels, width, kernel=(1, 1, 1), stride=stride)
            is_bare = channels == width and not shortcut_norm
            self.shortcut = layers[:1] if is_bare else layers
        channels_at = zip(POSITIONS, (channels, inner, inner, width, width), strict=True)
        self.slots = Slots(dict(channels_at))

    def forward(
        self, x: Float[Tensor, "NU C T H W"], num_snippets: int
    ) -> Float[Tensor, "NU D T h w"]:
        expand, depthwise, project = self.convs
        y = self.slots.run("before_conv1", x, num_snippets)
        y = self.slots.run("after_conv1", F.relu(expand(y), inplace=True), num_snippets)
        y = self.slots.run("after_conv2", F.silu(self.gate(depthwise(y))), num_snippets)
        y = self.slots.run("after_conv3", project(y), num_snippets)
        y = F.relu(y + self.shortcut(x), inplace=True)
        return self.slots.run("after_block", y, num_snippets)


def x3d(
    *,
    num_classes: int,
    depths: Sequence[int],
    stem_width: int = 24,
    dropout: float = 0.5,
    shortcut_norm: bool = True,
    pool_side: int | None = None,
) -> DepthwiseNet:
    """Build an X3D network.

    Args:
        num_classes: K.
        depths: Blocks in res2 to res5.
        stem_width: Channels of the stem and of res2; a stage is twice as wide as the one before.
        dropout: Probability before the classifier.
        shortcut_norm: Keep the batch norm of the first shortcut of res2, as PySlowFast does and
            PyTorchVideo does not.
        pool_side: Side of the head's window in pixels of the last feature map; None pools the
            whole map. PyTorchVideo's is 7 for X3D-M, 10 for X3D-L, as of the training crop.
    """
    return DepthwiseNet(
        num_classes=num_classes,
        make_block=partial(InvertedBlock, shortcut_norm=shortcut_norm),
        expansion=9 / 4,
        depths=depths,
        stem_width=stem_width,
        dropout=dropout,
        pool_side=pool_side,
    )


x3d_m = partial(x3d, depths=(3, 5, 11, 7))
x3d_l = partial(x3d, depths=(5, 10, 25, 15))
