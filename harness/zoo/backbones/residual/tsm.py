"""The temporal shift module (TSM): 2D residual networks that exchange channels between frames.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Lin et al. 2019, arXiv 1811.08383, section 3 (residual shift); directions and shares checked
against github.com/mit-han-lab/temporal-shift-module, commit 1f6a834.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.backbones.residual.resnet import ResNet
from harness.zoo.layers.insert import every_block, insert


class TemporalShift(nn.Module):
    """A shift of an eighth of the channels by one frame back, and of an eighth by one forward.

    The first eighth takes the values of the next frame, the second those of the previous one.
    Zeros fill the ends; the other channels stay. Shifts never cross snippets.

    Args:
        channels: C.

    Raises:
        ValueError: If there are fewer than 8 channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 8:
            raise ValueError(f"channels={channels} has no eighth to shift; use 8 or more")
        self.fold = channels // 8

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        one, two = self.fold, 2 * self.fold
        y = torch.zeros_like(x)
        y[:, :one, :-1] = x[:, :one, 1:]
        y[:, one:two, 1:] = x[:, one:two, :-1]
        y[:, two:] = x[:, two:]
        return y


def tsm_resnet(
    *,
    num_classes: int,
    block: Literal["basic", "bottleneck"],
    depths: Sequence[int],
    stem_width: int = 64,
    dropout: float = 0.5,
) -> ResNet:
    """Build a 2D network with a shift before conv1 of its blocks, on the residual path only.

    With 23 blocks or more in res4, every second block of each stage has a shift. Logits of frames
    are averaged. Both as in the original.

    Args:
        num_classes: K.
        block: `basic` or `bottleneck`.
        depths: Blocks in res2 to res5.
        stem_width: Channels of the stem.
        dropout: Probability before the classifier.
    """
    net = ResNet(
        num_classes=num_classes,
        block=block,
        depths=depths,
        stem_width=stem_width,
        dropout=dropout,
        frame_logits=True,
    )
    shifted = every_block(net, step=shift_step(depths))
    insert(net, TemporalShift, position="before_conv1", blocks=shifted)
    return net


def shift_step(depths: Sequence[int]) -> int:
    """Return 1 for a shift in every block, 2 for one in every second block of a stage."""
    return 2 if depths[2] >= 23 else 1


tsm_resnet18 = partial(tsm_resnet, block="basic", depths=(2, 2, 2, 2))
tsm_resnet50 = partial(tsm_resnet, block="bottleneck", depths=(3, 4, 6, 3))
tsm_resnet101 = partial(tsm_resnet, block="bottleneck", depths=(3, 4, 23, 3))
