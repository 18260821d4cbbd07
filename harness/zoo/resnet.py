"""The residual trunk, 2D or inflated along time (the "SlowOnly" network), with TSN consensus.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means both folded.
Source: He et al. 2016 (residual blocks, stride on the 3x3 convolution); Feichtenhofer et al. 2019
(the Slow pathway: time is never strided, temporal kernels in res4 and res5 only); Wang et al. 2016
(TSN: snippets share weights, their logits are averaged).
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

STAGES = ("res2", "res3", "res4", "res5")
POSITIONS = ("before_conv1", "after_conv1", "after_conv2", "after_conv3", "after_block")
Kernel = tuple[int, int, int]


class Conv(nn.Module):
    """A bias-free 3D convolution that runs as a 2D one wherever its kernel allows.

    A 1 x k x k kernel sees frames as a batch, a k x 1 x 1 kernel sees (T, H W) as a plane; both
    are views in channels-last memory. Padding keeps the size (zeros); time is never strided.

    Args:
        channels: Input channels.
        width: Output channels.
        kernel: Extent in time, height and width.
        stride: Stride in height and width.
    """

    def __init__(self, channels: int, width: int, *, kernel: Kernel, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, channels, *kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.stride = stride

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU D T h w"]:
        time, height, width = self.weight.shape[2:]
        pad = (time // 2, height // 2, width // 2)
        if time == 1:
            weight = self.weight.squeeze(2)
            y = F.conv2d(fold_time(x), weight, stride=self.stride, padding=pad[1:])
            return unfold_time(y, frames=x.shape[2])
        if (height, width, self.stride) == (1, 1, 1):
            plane = rearrange(x, "nu c t h w -> nu c t (h w)")
            y = F.conv2d(plane, self.weight.squeeze(4), padding=pad[:2])
            return rearrange(y, "nu d t (h w) -> nu d t h w", h=x.shape[3])
        return F.conv3d(x, self.weight, stride=(1, self.stride, self.stride), padding=pad)

    def macs(self, output: Tensor) -> int:
        """Return the multiply-adds that made `output`."""
        return output.numel() * self.weight[0].numel()


def fold_time(x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NUT C H W"]:
    """View frames as a batch of pictures."""
    return rearrange(x, "nu c t h w -> (nu t) c h w")


def unfold_time(x: Float[Tensor, "NUT C H W"], *, frames: int) -> Float[Tensor, "NU C T H W"]:
    """Undo `fold_time`."""
    return rearrange(x, "(nu t) c h w -> nu c t h w", t=frames)


def conv_bn(channels: int, width: int, *, kernel: Kernel, stride: int = 1) -> nn.Sequential:
    """Build a convolution and its batch norm."""
    conv = Conv(channels, width, kernel=kernel, stride=stride)
    return nn.Sequential(conv, nn.BatchNorm3d(width))


class Block(nn.Module):
    """A residual block: convolutions with batch norm, ReLU between them, and a shortcut.

    `slots` maps a position to the module that stands there. The position after the last
    convolution is behind its batch norm and before the addition; those between convolutions follow
    a ReLU, and `after_block` follows the addition and its ReLU. A module whose class says
    `mixes_snippets = True` is called with U as well.

    Args:
        channels: Input channels.
        widths: Output channels of each convolution.
        kernels: Kernel of each convolution.
        stride: Stride in space, on the first convolution that is wider than one pixel.
    """

    def __init__(
        self, channels: int, *, widths: Sequence[int], kernels: Sequence[Kernel], stride: int
    ) -> None:
        super().__init__()
        strided = next(i for i, kernel in enumerate(kernels) if kernel[2] > 1)
        inputs = (channels, *widths[:-1])
        self.convs = nn.ModuleList(
            conv_bn(before, after, kernel=kernel, stride=stride if i == strided else 1)
            for i, (before, after, kernel) in enumerate(zip(inputs, widths, kernels, strict=True))
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != widths[-1]:
            self.shortcut = conv_bn(channels, widths[-1], kernel=(1, 1, 1), stride=stride)
        self.channels_at = dict(zip(POSITIONS, (channels, *widths), strict=False))
        self.channels_at["after_block"] = widths[-1]
        self.slots = nn.ModuleDict()

    def forward(
        self, x: Float[Tensor, "NU C T H W"], num_snippets: int
    ) -> Float[Tensor, "NU D T h w"]:
        y = self._slot("before_conv1", x, num_snippets)
        for i, conv in enumerate(self.convs):
            y = conv(y) if i == len(self.convs) - 1 else F.relu(conv(y), inplace=True)
            y = self._slot(POSITIONS[i + 1], y, num_snippets)
        y = F.relu(y + self.shortcut(x), inplace=True)
        return self._slot("after_block", y, num_snippets)

    @property
    def mixes_snippets(self) -> bool:
        """Say whether one of the modules here does."""
        return any(mixes_snippets(module) for module in self.slots.values())

    def _slot(self, position: str, x: Tensor, num_snippets: int) -> Tensor:
        if position not in self.slots:
            return x
        module = self.slots[position]
        y: Tensor = module(x, num_snippets) if mixes_snippets(module) else module(x)
        return y


def mixes_snippets(module: nn.Module | type[nn.Module]) -> bool:
    """Say whether a module looks across the snippets of a video; then it is called with U."""
    return getattr(module, "mixes_snippets", False)


class ResNet(nn.Module):
    """A residual network over snippets, whose logits are averaged per video (TSN).

    Args:
        num_classes: K.
        block: `basic` (two 3x3 convolutions) or `bottleneck` (1x1, 3x3, 1x1; four times wider).
        depths: Blocks in res2 to res5.
        inflated: Stages with temporal kernels: 3x3x3 in every convolution of a basic block,
            3x1x1 in the first one of a bottleneck. Empty for a 2D network.
        stem_width: Channels of the stem; a stage is twice as wide as the one before.
        dropout: Probability before the classifier.
        frame_logits: Classify each frame and average, instead of each snippet.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        block: Literal["basic", "bottleneck"],
        depths: Sequence[int],
        inflated: Sequence[str] = (),
        stem_width: int = 64,
        dropout: float = 0.5,
        frame_logits: bool = False,
    ) -> None:
        super().__init__()
        self.frame_logits = frame_logits
        self.stem = conv_bn(3, stem_width, kernel=(1, 7, 7), stride=2)
        channels, width = stem_width, stem_width
        for stage, depth in zip(STAGES, depths, strict=True):
            time = 3 if stage in inflated else 1
            blocks = nn.ModuleList()
            for index in range(depth):
                stride = 2 if index == 0 and stage != "res2" else 1
                widths, kernels = _shape(block, width, time)
                blocks.append(Block(channels, widths=widths, kernels=kernels, stride=stride))
                channels = widths[-1]
            self.add_module(stage, blocks)
            width *= 2
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def stage(self, name: str) -> list[Block]:
        """Return the blocks of `res2` ... `res5`."""
        return [block for block in self.get_submodule(name).children() if isinstance(block, Block)]

    def blocks(self) -> list[Block]:
        """Return every block, first to last."""
        return [block for stage in STAGES for block in self.stage(stage)]

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        num_snippets = x.shape[1]
        y = self.start(x)
        for block in self.blocks():
            y = block(y, num_snippets)
        return self.classify(y, num_snippets)

    def start(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "NU C T h w"]:
        """Run what stands before the first block."""
        num_frames = x.shape[3]
        y = rearrange(x, "n u c t h w -> (n u) c t h w")
        y = y.contiguous(memory_format=torch.channels_last_3d)
        y = F.relu(self.stem(y), inplace=True)
        return unfold_time(F.max_pool2d(fold_time(y), 3, stride=2, padding=1), frames=num_frames)

    def classify(self, y: Float[Tensor, "NU C T H W"], num_snippets: int) -> Float[Tensor, "N K"]:
        """Turn the output of the last block into video-level logits."""
        if self.frame_logits:
            num_snippets = num_snippets * y.shape[2]
            y = rearrange(y, "nu c t h w -> (nu t) c 1 h w")
        logits = self.fc(self.dropout(reduce(y, "nu c t h w -> nu c", "mean")))
        video_logits: Tensor = reduce(logits, "(n u) k -> n k", "mean", u=num_snippets)
        return video_logits


def _shape(kind: str, width: int, time: int) -> tuple[tuple[int, ...], tuple[Kernel, ...]]:
    if kind == "basic":
        return (width, width), ((time, 3, 3),) * 2
    return (width, width, 4 * width), ((time, 1, 1), (1, 3, 3), (1, 1, 1))


resnet18 = partial(ResNet, block="basic", depths=(2, 2, 2, 2))
resnet50 = partial(ResNet, block="bottleneck", depths=(3, 4, 6, 3))
i3d_resnet18 = partial(resnet18, inflated=("res4", "res5"))
i3d_resnet50 = partial(resnet50, inflated=("res4", "res5"))
