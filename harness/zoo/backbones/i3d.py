"""The I3D of the non-local paper, and C2D: residual networks that pool time early, with consensus.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means both folded.
Source: Wang et al. 2018, arXiv 1711.07971, section 4 (C2D and I3D baselines); the 8 x 8 networks
checked against github.com/facebookresearch/SlowFast, commit 287ec00.

Not `i3d_resnet18` and `i3d_resnet50`, the trunk of DSANet (SlowOnly): there the stem sees single
frames, time keeps its length and only res4 and res5 have temporal kernels. Here the stem sees five
frames, time is shortened by the stem and by pooling before and after res2, and every stage has
temporal kernels, in some of its blocks.
"""

import math
from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.specs import STAGES
from harness.zoo.layers.conv import conv_bn
from harness.zoo.layers.residual import Block
from harness.zoo.layers.snippets import average_snippets, fold_snippets

FIRST_INFLATED = {"res2": 0, "res3": 0, "res4": 0, "res5": 1}
EVERY_INFLATED = {"res2": 1, "res3": 2, "res4": 2, "res5": 2}


class I3D(nn.Module):
    """A residual network over snippets with a temporal stem, whose logits are averaged per video.

    The first convolution of a block has a 3x1x1 kernel in every block of res2, in every other one
    of res3 and res4 from the first on, and in every other one of res5 from the second on.

    Args:
        num_classes: K.
        depths: Blocks in res2 to res5.
        inflated_depths: Leading blocks of each stage to which the rule of temporal kernels applies;
            later blocks have none. None for all.
        stem_frames: Extent of the stem's kernel in time.
        time_strides: Strides in time of the stem, and of the pooling before and after res2. The
            networks for 8 frames and for Something-Something have (1, 1, 2).
        res5_stride: Stride in space of res5; 1 in the network for Something-Something.
        stem_width: Channels of the stem; a stage is twice as wide as the one before.
        dropout: Probability before the classifier.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        depths: Sequence[int],
        inflated_depths: Sequence[int] | None = None,
        stem_frames: int = 5,
        time_strides: tuple[int, int, int] = (2, 2, 2),
        res5_stride: int = 2,
        stem_width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.time_strides = time_strides
        self.stem = _stem(stem_width, frames=stem_frames, time_stride=time_strides[0])
        channels, width = stem_width, stem_width
        for stage, depth, limit in zip(STAGES, depths, inflated_depths or depths, strict=True):
            stride = {"res2": 1, "res5": res5_stride}.get(stage, 2)
            inflated = inflated_blocks(stage, min(depth, limit))
            times = [3 if index in inflated else 1 for index in range(depth)]
            self.add_module(stage, _blocks(channels, width, times=times, stride=stride))
            channels = 4 * width
            width *= 2
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def stage(self, name: str) -> list[Block]:
        """Return the blocks of `res2` ... `res5`."""
        return [block for block in self.get_submodule(name).children() if isinstance(block, Block)]

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        num_snippets = x.shape[1]
        y = self.start(x)
        for stage in STAGES:
            for block in self.stage(stage):
                y = block(y, num_snippets)
            if stage == "res2":
                y = F.max_pool3d(y, (self.time_strides[2], 1, 1))
        logits = self.fc(self.dropout(reduce(y, "nu c t h w -> nu c", "mean")))
        return average_snippets(logits, num_snippets)

    def start(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "NU C t h w"]:
        """Run the stem and the first pooling, on snippets as a batch.

        Raises:
            ValueError: If the snippets have fewer frames than the strides in time need.
        """
        needed = math.prod(self.time_strides)
        if x.shape[3] < needed:
            raise ValueError(
                f"{x.shape[3]} frames are too few for time_strides={self.time_strides}; "
                f"pass {needed} or more, or smaller strides"
            )
        y = F.relu(self.stem(fold_snippets(x)), inplace=True)
        time = self.time_strides[1]
        return F.max_pool3d(y, (time, 3, 3), stride=(time, 2, 2), padding=(0, 1, 1))


def inflated_blocks(stage: str, depth: int) -> range:
    """Return the blocks with temporal kernels among the first `depth` of a stage."""
    return range(FIRST_INFLATED[stage], depth, EVERY_INFLATED[stage])


def _blocks(channels: int, width: int, *, times: Sequence[int], stride: int) -> nn.ModuleList:
    """Build a stage from the extents in time of its blocks; the first block is strided."""
    blocks = nn.ModuleList()
    for index, time in enumerate(times):
        block = Block(
            channels if index == 0 else 4 * width,
            widths=(width, width, 4 * width),
            kernels=((time, 1, 1), (1, 3, 3), (1, 1, 1)),
            stride=stride if index == 0 else 1,
        )
        blocks.append(block)
    return blocks


def _stem(width: int, *, frames: int, time_stride: int) -> nn.Sequential:
    if (frames, time_stride) == (1, 1):
        return conv_bn(3, width, kernel=(1, 7, 7), stride=2)
    conv = nn.Conv3d(
        3,
        width,
        (frames, 7, 7),
        stride=(time_stride, 2, 2),
        padding=(frames // 2, 3, 3),
        bias=False,
    )
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm3d(width))


i3d_5x7x7_resnet50 = partial(I3D, depths=(3, 4, 6, 3))
i3d_5x7x7_resnet101 = partial(I3D, depths=(3, 4, 23, 3))
c2d_resnet50 = partial(
    I3D,
    depths=(3, 4, 6, 3),
    inflated_depths=(0, 0, 0, 0),
    stem_frames=1,
    time_strides=(1, 1, 2),
)
