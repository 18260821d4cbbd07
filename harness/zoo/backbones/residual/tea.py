"""TEA: a 2D Res2Net with motion excitation (ME) and multiple temporal aggregation (MTA).

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Li et al. 2020, arXiv 2004.01398, section 3, and Gao et al. 2021, arXiv 1904.01169 (Res2Net,
26w x 4s). Written from a description; names, parameters and cost checked against those of
github.com/Phoenix1327/tea-action-recognition, commit f59e2f8.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.backbones.residual.resnet import ResNet
from harness.zoo.layers.conv import Conv, conv_bn, fold_time, unfold_time
from harness.zoo.layers.residual import Block
from harness.zoo.layers.shift import shift_conv

SPLITS = 4


class MotionExcitation(nn.Module):
    """Gates from the motion between neighbouring frames; a gate of zero leaves a channel as it is.

    The motion after the last frame of a snippet is zero.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        width = max(channels // 16, 1)
        self.squeeze = conv_bn(channels, width, kernel=(1, 1, 1))
        self.align = Conv(width, width, kernel=(1, 3, 3), groups=width)
        self.expand = conv_bn(width, channels, kernel=(1, 1, 1))

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        y = self.squeeze(x)
        motion = self.align(y)[:, :, 1:] - y[:, :, :-1]
        means = reduce(motion, "nu d t h w -> nu d t 1 1", "mean")
        gates: Tensor = self.expand(F.pad(means, (0, 0, 0, 0, 0, 1))).sigmoid() - 0.5
        return x + x * gates


class TemporalAggregation(nn.Module):
    """Motion excitation, then four shares of the channels, the last one without a 3x3 convolution.

    Each share is convolved over time, channel by channel, and the first three then in space. Each
    of these begins with the sum of its input and of the output before it, except in the first block
    of a stage, where the last share is pooled instead.

    Args:
        channels: C, a multiple of four.
        stride: Stride in space.
        is_first: Whether it is in the first block of a stage.
    """

    def __init__(self, channels: int, *, stride: int, is_first: bool) -> None:
        super().__init__()
        width = channels // SPLITS
        self.excite = MotionExcitation(channels)
        self.mixes = nn.ModuleList(shift_conv(width, fold=0) for _ in range(SPLITS - 1))
        self.mixes.append(shift_conv(width, fold=width // 2))
        self.branches = nn.ModuleList(
            conv_bn(width, width, kernel=(1, 3, 3), stride=stride) for _ in range(SPLITS - 1)
        )
        self.stride, self.is_first = stride, is_first

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T h w"]:
        *shares, last = self.excite(x).chunk(SPLITS, dim=1)
        outputs: list[Tensor] = []
        for share, mix, branch in zip(shares, self.mixes, self.branches, strict=False):
            y = share if self.is_first or not outputs else share + outputs[-1]
            outputs.append(F.relu(branch(mix(y)), inplace=True))
        y = self.mixes[-1](last)
        return torch.cat([*outputs, self._pool(y) if self.is_first else y], dim=1)

    def _pool(self, y: Float[Tensor, "NU D T H W"]) -> Float[Tensor, "NU D T h w"]:
        pooled = F.avg_pool2d(fold_time(y), 3, stride=self.stride, padding=1)
        return unfold_time(pooled, frames=y.shape[2])


def tea_block(channels: int, width: int, stride: int) -> Block:
    """Build a bottleneck block with temporal aggregation in place of its 3x3 convolution."""
    inner, outer = SPLITS * (width * 26 // 64), 4 * width
    is_first = stride > 1 or channels != outer
    return Block(
        channels,
        widths=(inner, inner, outer),
        kernels=((1, 1, 1), (1, 3, 3), (1, 1, 1)),
        stride=stride,
        middle=TemporalAggregation(inner, stride=stride, is_first=is_first),
    )


def tea_resnet(
    *,
    num_classes: int,
    depths: Sequence[int],
    stem_width: int = 64,
    dropout: float = 0.5,
) -> ResNet:
    """Build a TEA, whose position `after_conv1` is ahead of motion excitation.

    Logits of frames are averaged, as in the original.

    Args:
        num_classes: K.
        depths: Blocks in res2 to res5.
        stem_width: Channels of the stem.
        dropout: Probability before the classifier.
    """
    return ResNet(
        num_classes=num_classes,
        block=tea_block,
        depths=depths,
        stem_width=stem_width,
        dropout=dropout,
        frame_logits=True,
        fc_std=0.001,
    )


tea_resnet50 = partial(tea_resnet, depths=(3, 4, 6, 3))
