"""Residual networks, 2D or inflated along time (the "SlowOnly" network), with TSN consensus.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means both folded.
Source: He et al. 2016 (residual blocks, stride on the 3x3 convolution); Feichtenhofer et al. 2019
(the Slow pathway: time is never strided, temporal kernels in res4 and res5 only); Wang et al. 2016
(TSN: snippets share weights, their logits are averaged).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.specs import STAGES
from harness.zoo.layers.conv import Kernel, conv_bn, fold_time, unfold_time
from harness.zoo.layers.residual import Block
from harness.zoo.layers.snippets import average_snippets, fold_snippets

MakeBlock = Callable[[int, int, int], Block]


class ResNet(nn.Module):
    """A residual network over snippets, whose logits are averaged per video (TSN).

    Args:
        num_classes: K.
        block: `basic` (two 3x3 convolutions), `bottleneck` (1x1, 3x3, 1x1; four times wider), or
            a function from input channels, width of the stage and stride to a block.
        depths: Blocks in res2 to res5.
        inflated: Stages with temporal kernels: 3x3x3 in every convolution of a basic block,
            3x1x1 in the first one of a bottleneck. Empty for a 2D network.
        stem_width: Channels of the stem; a stage is twice as wide as the one before.
        dropout: Probability before the classifier.
        frame_logits: Average the logits of frames instead of those of snippets.
        fc_std: Standard deviation of the initial weights of the classifier.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        block: Literal["basic", "bottleneck"] | MakeBlock,
        depths: Sequence[int],
        inflated: Sequence[str] = (),
        stem_width: int = 64,
        dropout: float = 0.5,
        frame_logits: bool = False,
        fc_std: float = 0.01,
    ) -> None:
        super().__init__()
        self.frame_logits = frame_logits
        self.stem = conv_bn(3, stem_width, kernel=(1, 7, 7), stride=2)
        channels, width = stem_width, stem_width
        for stage, depth in zip(STAGES, depths, strict=True):
            time = 3 if stage in inflated else 1
            make_block = block if callable(block) else partial(_block, block, time)
            blocks = nn.ModuleList()
            for index in range(depth):
                stride = 2 if index == 0 and stage != "res2" else 1
                last = make_block(channels, width, stride)
                channels = last.slots.channels_at["after_block"]
                blocks.append(last)
            self.add_module(stage, blocks)
            width *= 2
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)
        nn.init.normal_(self.fc.weight, std=fc_std)
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
        """Run the stem, on snippets as a batch."""
        y = F.relu(self.stem(fold_snippets(x)), inplace=True)
        return unfold_time(F.max_pool2d(fold_time(y), 3, stride=2, padding=1), frames=x.shape[3])

    def classify(self, y: Float[Tensor, "NU C T H W"], num_snippets: int) -> Float[Tensor, "N K"]:
        """Return video-level logits from the output of the last block."""
        if self.frame_logits:
            num_snippets = num_snippets * y.shape[2]
            y = rearrange(y, "nu c t h w -> (nu t) c 1 h w")
        logits = self.fc(self.dropout(reduce(y, "nu c t h w -> nu c", "mean")))
        return average_snippets(logits, num_snippets)


def _block(kind: str, time: int, channels: int, width: int, stride: int) -> Block:
    widths: tuple[int, ...] = (width, width)
    kernels: tuple[Kernel, ...] = ((time, 3, 3),) * 2
    if kind == "bottleneck":
        widths, kernels = (width, width, 4 * width), ((time, 1, 1), (1, 3, 3), (1, 1, 1))
    return Block(channels, widths=widths, kernels=kernels, stride=stride)


resnet18 = partial(ResNet, block="basic", depths=(2, 2, 2, 2))
resnet50 = partial(ResNet, block="bottleneck", depths=(3, 4, 6, 3))
resnet101 = partial(ResNet, block="bottleneck", depths=(3, 4, 23, 3))
resnet152 = partial(ResNet, block="bottleneck", depths=(3, 8, 36, 3))
i3d_resnet18 = partial(resnet18, inflated=("res4", "res5"))
i3d_resnet50 = partial(resnet50, inflated=("res4", "res5"))
i3d_resnet101 = partial(resnet101, inflated=("res4", "res5"))
