"""Channelwise convolutions over time that start as a shift of channels between frames.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means both folded.
Source: Liu et al. 2020, arXiv 1911.09435 (TIM of TEINet); Li et al. 2020, arXiv 2004.01398 (MTA of
TEA).
"""

import torch

from harness.zoo.layers.conv import Conv


def shift_conv(channels: int, *, fold: int) -> Conv:
    """Build a convolution with three taps over time of each channel alone.

    At first, `fold` channels take the values of the next frame, the next `fold` those of the
    previous one, with zeros at the ends; the other channels stay.

    Args:
        channels: C.
        fold: Channels that move each way, at most half of all.
    """
    conv = Conv(channels, channels, kernel=(3, 1, 1), groups=channels)
    taps = torch.zeros_like(conv.weight)
    taps[:fold, :, 2] = 1
    taps[fold : 2 * fold, :, 0] = 1
    taps[2 * fold :, :, 1] = 1
    conv.weight.data = taps
    return conv
