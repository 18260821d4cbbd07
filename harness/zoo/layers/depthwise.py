"""The trunk and head that X3D and VoV3D share, around blocks with depthwise convolutions.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means N and U folded.
Source: Feichtenhofer 2020, arXiv 2004.04730, table 1; checked against
github.com/facebookresearch/SlowFast, commit 287ec00.
"""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.specs import STAGES
from harness.zoo.layers.conv import Conv, Kernel, conv_bn
from harness.zoo.layers.head import classifier, pool_positions
from harness.zoo.layers.snippets import average_snippets, fold_snippets

HIDDEN_WIDTH = 2048


class DepthwiseNet(nn.Module):
    """A thin trunk over each snippet with a wide head, whose logits are averaged per video.

    Time is never strided; every stage halves height and width.

    Args:
        num_classes: K.
        make_block: Builds a block with slots from input and output channels, and by keyword from
            `inner` channels and its `index` in the stage.
        expansion: Inner channels as a multiple of the output channels; the head expands alike.
        depths: Blocks in res2 to res5.
        stem_width: Channels of the stem and of res2; a stage is twice as wide as the one before.
        dropout: Probability before the classifier.
        pool_side: Side of the head's window in pixels of the last feature map: the head runs at
            every position of it, and logits are averaged. None pools the whole map.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        make_block: Callable[..., nn.Module],
        expansion: float,
        depths: Sequence[int],
        stem_width: int,
        dropout: float,
        pool_side: int | None,
    ) -> None:
        super().__init__()
        self.pool_side = pool_side
        self.stem = nn.Sequential(
            Conv(3, stem_width, kernel=(1, 3, 3), stride=2),
            *depthwise_bn(stem_width, (5, 1, 1)),
        )
        channels, width = stem_width, stem_width
        for stage, depth in zip(STAGES, depths, strict=True):
            inner = int(expansion * width)
            blocks = nn.ModuleList()
            for index in range(depth):
                blocks.append(make_block(channels, width, inner=inner, index=index))
                channels = width
            self.add_module(stage, blocks)
            width *= 2
        self.expand = conv_bn(channels, inner, kernel=(1, 1, 1))
        self.hidden = nn.Linear(inner, HIDDEN_WIDTH, bias=False)
        nn.init.kaiming_normal_(self.hidden.weight, mode="fan_out", nonlinearity="relu")
        self.dropout = nn.Dropout(dropout)
        self.fc = classifier(HIDDEN_WIDTH, num_classes)

    def stage(self, name: str) -> list[nn.Module]:
        """Return the blocks of `res2` ... `res5`."""
        return list(self.get_submodule(name).children())

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        num_snippets = x.shape[1]
        y = F.relu(self.stem(fold_snippets(x)), inplace=True)
        for stage in STAGES:
            for block in self.stage(stage):
                y = block(y, num_snippets)
        y = F.relu(self.expand(y), inplace=True)
        pooled = F.relu(self.hidden(pool_positions(y, side=self.pool_side)), inplace=True)
        logits = self.fc(self.dropout(pooled))
        return average_snippets(reduce(logits, "nu p k -> nu k", "mean"), num_snippets)


def depthwise_bn(channels: int, *kernels: Kernel, stride: int = 1) -> nn.Sequential:
    """Build depthwise convolutions, the first of them strided, and one batch norm behind them."""
    convs = [
        Conv(channels, channels, kernel=kernel, stride=stride if i == 0 else 1, groups=channels)
        for i, kernel in enumerate(kernels)
    ]
    return nn.Sequential(*convs, nn.BatchNorm3d(channels))
