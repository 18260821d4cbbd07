"""SlowFast: a wide pathway on few frames, and a thin one on all of them that feeds it.

Axes: N videos, U snippets, C channels, T frames, S slow frames, H x W pixels, K classes; NU means
N and U folded.
Source: Feichtenhofer et al. 2019, arXiv 1812.03982, section 3; checked against
github.com/facebookresearch/SlowFast, commit 287ec00.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from einops import reduce
from jaxtyping import Float, Int
from torch import Tensor, nn

from harness.specs import STAGES
from harness.zoo.layers.conv import Kernel, conv_bn, fold_time, start_at_zero, unfold_time
from harness.zoo.layers.head import classifier, pool_positions
from harness.zoo.layers.residual import Block
from harness.zoo.layers.snippets import average_snippets, fold_snippets

JUNCTIONS = ("stem", *STAGES[:-1])  # behind each of them the slow pathway is joined by the fast


class Pathway(nn.Module):
    """A stem and four stages of bottleneck blocks; time is never strided.

    Args:
        stem_kernel: Kernel of the stem.
        stem_width: Channels of the stem; a stage is twice as wide as the one before.
        depths: Blocks in res2 to res5.
        temporal_depths: Blocks of a stage, from its first, whose conv1 is 3x1x1.
        joined: Channels that join the input of each stage.
    """

    def __init__(
        self,
        *,
        stem_kernel: Kernel,
        stem_width: int,
        depths: Sequence[int],
        temporal_depths: Mapping[str, int],
        joined: Sequence[int] = (0, 0, 0, 0),
    ) -> None:
        super().__init__()
        self.stem = conv_bn(3, stem_width, kernel=stem_kernel, stride=2)
        channels, width = stem_width, stem_width
        for stage, depth, extra in zip(STAGES, depths, joined, strict=True):
            blocks = nn.ModuleList()
            channels += extra
            for index in range(depth):
                time = 3 if index < temporal_depths.get(stage, 0) else 1
                stride = 2 if index == 0 and stage != "res2" else 1
                blocks.append(_bottleneck(channels, width, time=time, stride=stride))
                channels = 4 * width
            self.add_module(stage, blocks)
            width *= 2

    def start(self, x: Float[Tensor, "NU 3 T H W"]) -> Float[Tensor, "NU C T h w"]:
        """Run the stem."""
        y = F.relu(self.stem(x), inplace=True)
        return unfold_time(F.max_pool2d(fold_time(y), 3, stride=2, padding=1), frames=x.shape[2])

    def stage(self, name: str) -> list[Block]:
        """Return the blocks of `res2` ... `res5`."""
        return [block for block in self.get_submodule(name).children() if isinstance(block, Block)]


def _bottleneck(channels: int, width: int, *, time: int, stride: int) -> Block:
    """Build a bottleneck that is its shortcut before training."""
    kernels = ((time, 1, 1), (1, 3, 3), (1, 1, 1))
    block = Block(channels, widths=(width, width, 4 * width), kernels=kernels, stride=stride)
    last = block.convs[-1]
    assert isinstance(last, nn.Sequential)
    start_at_zero(last)
    return block


def _laterals(widths: Sequence[int], *, kernel: int, alpha: int) -> nn.ModuleDict:
    """Build the convolutions that bring features of the fast pathway to the slow frames."""
    return nn.ModuleDict(
        {
            name: conv_bn(width, 2 * width, kernel=(kernel, 1, 1), time_stride=alpha)
            for name, width in zip(JUNCTIONS, widths, strict=True)
        }
    )


class SlowFast(nn.Module):
    """Two pathways over each snippet, whose logits are averaged per video.

    Inserted modules go into blocks of the slow pathway.

    Args:
        num_classes: K.
        depths: Blocks in res2 to res5 of each pathway.
        alpha: The slow pathway sees one frame in alpha.
        beta: Width of the fast pathway as a share of the slow one's.
        fusion_kernel: Frames that a lateral convolution sees.
        temporal_depth: Blocks of res4, from its first, with a temporal kernel, in each pathway.
            Every block of res5 has one, and in the fast pathway those of res2 and res3 too.
        stem_width: Channels of the slow stem.
        dropout: Probability before the classifier.
        pool_side: Side of the head's window in pixels of the last feature map: the classifier
            runs at every position of it, and logits are averaged. None pools the whole map.

    Raises:
        ValueError: If the fast pathway would have no channel.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        depths: Sequence[int],
        alpha: int,
        beta: float = 1 / 8,
        fusion_kernel: int,
        temporal_depth: int = 6,
        stem_width: int = 64,
        dropout: float = 0.5,
        pool_side: int | None = None,
    ) -> None:
        super().__init__()
        fast_width = round(beta * stem_width)
        if fast_width < 1:
            raise ValueError(f"beta={beta} of stem_width={stem_width} is less than one channel")
        self.alpha, self.pool_side = alpha, pool_side
        leaving = [fast_width * multiple for multiple in (1, 4, 8, 16)]
        self.slow = Pathway(
            stem_kernel=(1, 7, 7),
            stem_width=stem_width,
            depths=depths,
            temporal_depths={"res4": temporal_depth, "res5": depths[3]},
            joined=[2 * channels for channels in leaving],
        )
        self.fast = Pathway(
            stem_kernel=(5, 7, 7),
            stem_width=fast_width,
            depths=depths,
            temporal_depths=dict(zip(STAGES, depths, strict=True)) | {"res4": temporal_depth},
        )
        self.laterals = _laterals(leaving, kernel=fusion_kernel, alpha=alpha)
        self.dropout = nn.Dropout(dropout)
        self.fc = classifier(32 * (stem_width + fast_width), num_classes)

    def stage(self, name: str) -> list[Block]:
        """Return the blocks of `res2` ... `res5` of the slow pathway."""
        return self.slow.stage(name)

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        num_snippets = x.shape[1]
        frames = slow_frames(x.shape[3], self.alpha, device=x.device)
        slow = self.slow.start(fold_snippets(x[:, :, :, frames]))
        fast = self.fast.start(fold_snippets(x))
        for stage, lateral in zip(STAGES, self.laterals.values(), strict=True):
            slow = torch.cat([slow, F.relu(lateral(fast), inplace=True)], dim=1)
            for block in self.slow.stage(stage):
                slow = block(slow, num_snippets)
            for block in self.fast.stage(stage):
                fast = block(fast, num_snippets)
        pooled = [pool_positions(y, side=self.pool_side) for y in (slow, fast)]
        logits = self.fc(self.dropout(torch.cat(pooled, dim=2)))
        return average_snippets(reduce(logits, "nu p k -> nu k", "mean"), num_snippets)


def slow_frames(num_frames: int, alpha: int, *, device: torch.device) -> Int[Tensor, " S"]:
    """Return the frames of the slow pathway: evenly spaced from first to last, rounded down.

    Raises:
        ValueError: If alpha does not divide the number of frames.
    """
    if num_frames % alpha:
        raise ValueError(
            f"{num_frames} frames are not a multiple of alpha={alpha}; "
            "the slow pathway sees one frame in alpha"
        )
    num_slow = num_frames // alpha
    return torch.arange(num_slow, device=device) * (num_frames - 1) // max(num_slow - 1, 1)


slowfast_4x16_resnet50 = partial(SlowFast, depths=(3, 4, 6, 3), alpha=8, fusion_kernel=5)
slowfast_8x8_resnet50 = partial(SlowFast, depths=(3, 4, 6, 3), alpha=4, fusion_kernel=7)
slowfast_8x8_resnet101 = partial(SlowFast, depths=(3, 4, 23, 3), alpha=4, fusion_kernel=5)
slowfast_8x8_resnet101_full = partial(slowfast_8x8_resnet101, temporal_depth=23)
