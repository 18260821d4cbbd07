"""Pooling over the whole feature map, or a window of it at every position, and a classifier.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, P positions; NU means N and U
folded.
"""

import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn


def pool_positions(x: Float[Tensor, "NU C T H W"], *, side: int | None) -> Float[Tensor, "NU P C"]:
    """Return means over all frames and a square window, for every position of the window.

    Args:
        x: Feature map.
        side: Of the window, in pixels of the feature map; None for the whole map, as is a window
            that is larger than the map. The whole map has one position.
    """
    picture = reduce(x, "nu c t h w -> nu c h w", "mean")
    height, width = x.shape[3:]
    window = (height, width) if side is None else (min(side, height), min(side, width))
    return rearrange(F.avg_pool2d(picture, window, stride=1), "nu c h w -> nu (h w) c")


def classifier(channels: int, num_classes: int) -> nn.Linear:
    """Build a classifier with small weights."""
    layer = nn.Linear(channels, num_classes)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer
