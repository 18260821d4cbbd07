"""Inception-v3 over frames (TSN).

Axes: N videos, U snippets, C channels, T frames, H x W pixels; B pictures.
Source: Szegedy et al. 2016, arXiv 1512.00567 (network of torchvision 0.29); Wang et al. 2016 (TSN).
"""

from functools import partial

from torch import nn
from torchvision.models.inception import (
    BasicConv2d,
    Inception3,
    InceptionA,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
)

from harness.zoo.layers.frames import FrameNetwork
from harness.zoo.layers.initial import he_normal

FULL_WIDTH = 64  # channels behind the third convolution
LAST_WIDTH = 2048
_HEAD = ("avgpool", "dropout", "fc")
_STEM_POOLS = ("maxpool1", "maxpool2")


def inception_v3(
    *,
    num_classes: int,
    stem_width: int = FULL_WIDTH,
    strided_stem: bool = True,
    dropout: float = 0.5,
) -> FrameNetwork:
    """Build a TSN on Inception-v3, without its auxiliary classifier.

    Args:
        num_classes: K.
        stem_width: Channels behind the third convolution; all others go in proportion. A multiple
            of 4.
        strided_stem: Keep the stride and the two pools of the stem. Pictures of less than 75 pixels
            need a stem without; it takes 15 pixels or more.
        dropout: Probability before the classifier.
    """
    return FrameNetwork(
        trunk(stem_width, strided_stem=strided_stem),
        width=LAST_WIDTH * stem_width // FULL_WIDTH,
        num_classes=num_classes,
        dropout=dropout,
    )


def trunk(stem_width: int, *, strided_stem: bool) -> nn.Sequential:
    """Build torchvision's network in any width, without its head."""
    conv = partial(thin_conv, stem_width)
    blocks = (InceptionA, InceptionB, InceptionC, InceptionD, InceptionE)
    thin_blocks = [partial(block, conv_block=conv) for block in blocks]
    net = Inception3(
        num_classes=1,
        aux_logits=False,
        inception_blocks=[conv, *thin_blocks, None],
        init_weights=False,
    )
    if not strided_stem:
        net.Conv2d_1a_3x3.conv.stride = (1, 1)
    left_out = _HEAD if strided_stem else _HEAD + _STEM_POOLS
    layers = nn.Sequential()
    for name, layer in net.named_children():
        if name not in left_out:
            layers.add_module(name, layer)
    he_normal(layers)
    return layers


def thin_conv(stem_width: int, channels: int, width: int, **options: object) -> nn.Module:
    """Build a convolution of the full network with fewer channels.

    Raises:
        ValueError: If the channels are no whole number.
    """
    if stem_width % 4:
        raise ValueError(f"stem_width={stem_width} is not a multiple of 4")
    inputs = channels if channels == 3 else channels * stem_width // FULL_WIDTH
    layer: nn.Module = BasicConv2d(inputs, width * stem_width // FULL_WIDTH, **options)
    return layer
