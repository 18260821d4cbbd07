"""MVFNet: 2D residual networks with multi-view fusion (MVF) in res4 and res5.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Wu et al. 2021, arXiv 2012.06977, section 3; checked against github.com/whwu95/MVFNet,
commit 0ddc7e2.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.backbones.residual.resnet import ResNet
from harness.zoo.layers.conv import Conv
from harness.zoo.layers.insert import every_block, insert

STAGES_WITH_MVF = ("res4", "res5")


class MVF(nn.Module):
    """A sum of convolutions along time, height and width, on an eighth of the channels.

    Each channel is convolved alone. The sum has a batch norm and a hard swish; the other channels
    pass untouched. Snippets are not mixed.

    Args:
        channels: C.

    Raises:
        ValueError: If there are fewer than 8 channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 8:
            raise ValueError(f"channels={channels} has no eighth to convolve; use 8 or more")
        self.fold = channels // 8
        make_conv = partial(Conv, self.fold, self.fold, groups=self.fold)
        self.time = make_conv(kernel=(3, 1, 1))
        self.height = make_conv(kernel=(1, 3, 1))
        self.width = make_conv(kernel=(1, 1, 3))
        self.norm = nn.BatchNorm3d(self.fold)

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        viewed, passed = x[:, : self.fold], x[:, self.fold :]
        y = self.time(viewed) + self.height(viewed) + self.width(viewed)
        return torch.cat([F.hardswish(self.norm(y)), passed], dim=1)


def mvfnet_resnet(
    *,
    num_classes: int,
    depths: Sequence[int],
    stem_width: int = 64,
    dropout: float = 0.5,
) -> ResNet:
    """Build a 2D bottleneck network with MVF before conv1 of every block of res4 and res5.

    MVF is on the residual path only. Logits of frames are averaged. Both as in the original.

    Args:
        num_classes: K.
        depths: Blocks in res2 to res5.
        stem_width: Channels of the stem.
        dropout: Probability before the classifier.
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
    blocks = {stage: every_block(net)[stage] for stage in STAGES_WITH_MVF}
    insert(net, MVF, position="before_conv1", blocks=blocks)
    return net


mvfnet_resnet50 = partial(mvfnet_resnet, depths=(3, 4, 6, 3))
mvfnet_resnet101 = partial(mvfnet_resnet, depths=(3, 4, 23, 3))
