"""TEINet: 2D residual networks with temporal enhancement and interaction (TEI).

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Liu et al. 2020, arXiv 1911.09435, section 3. Without a released implementation the
structure is inferred, of medium certainty: TEI on the input of every block fits the printed
parameters and cost, TEI behind conv1 does not.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.backbones.residual.resnet import ResNet
from harness.zoo.layers.insert import every_block, insert
from harness.zoo.layers.shift import shift_conv


class TEI(nn.Module):
    """Gates from the difference of neighbouring frames (MEM), then taps over time (TIM).

    Each frame but the last one of a snippet is scaled, channel by channel, by how the next frame
    differs. Then each channel has a convolution over time, which starts as TSM's shift. Snippets
    are not mixed.

    Args:
        channels: C.
        reduction: The difference is taken between C / reduction projections, at least one.
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        self.squeeze = nn.Linear(channels, width, bias=False)
        self.squeeze_next = nn.Linear(channels, width, bias=False)
        self.expand = nn.Linear(width, channels, bias=False)
        self.mix = shift_conv(channels, fold=channels // 8)

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        means = reduce(x, "nu c t h w -> nu t c", "mean")
        change = self.squeeze_next(means[:, 1:]) - self.squeeze(means[:, :-1])
        gates = rearrange(self.expand(change).sigmoid(), "nu t c -> nu c t 1 1")
        y: Tensor = self.mix(x * F.pad(gates, (0, 0, 0, 0, 0, 1), value=1.0))
        return y


def teinet_resnet(
    *,
    num_classes: int,
    depths: Sequence[int],
    stem_width: int = 64,
    dropout: float = 0.5,
    position: Literal["before_conv1", "after_conv1"] = "before_conv1",
) -> ResNet:
    """Build a 2D bottleneck network with TEI in every block, on the residual path only.

    Logits of frames are averaged.

    Args:
        num_classes: K.
        depths: Blocks in res2 to res5.
        stem_width: Channels of the stem.
        dropout: Probability before the classifier.
        position: Place of TEI in a block.
    """
    net = ResNet(
        num_classes=num_classes,
        block="bottleneck",
        depths=depths,
        stem_width=stem_width,
        dropout=dropout,
        frame_logits=True,
        fc_std=0.001,
    )
    insert(net, TEI, position=position, blocks=every_block(net))
    return net


teinet_resnet50 = partial(teinet_resnet, depths=(3, 4, 6, 3))
