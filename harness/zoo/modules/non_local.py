"""The non-local block: every position of a snippet attends to all of its positions.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, D channels inside, Q queries,
P keys; NU means N and U folded, B also groups of frames.
Source: Wang et al. 2018, arXiv 1711.07971, section 3; scale and pooling checked against
github.com/facebookresearch/SlowFast, commit 287ec00 (slowfast/models/nonlocal_helper.py), and
github.com/mit-han-lab/temporal-shift-module, commit 1f6a834 (ops/non_local.py).
"""

from typing import Literal

import torch.nn.functional as F
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn

from harness.specs import check_choices

Attention = Literal["softmax", "embedded_gaussian", "dot_product"]
Pooling = Literal["before", "after", "none"]


class NonLocal(nn.Module):
    """A residual attention over the frames and pixels of each snippet; snippets are not mixed.

    Args:
        channels: C; half of them inside.
        num_snippets: U, an argument of every module; this one does not depend on it.
        attention: Weights of the keys: `softmax` of the products of queries and keys, divided by
            the root of D; `embedded_gaussian` without that division; `dot_product`, the products
            divided by the number of keys.
        pooling: Keys and values are pooled by 2 x 2 pixels `before` or `after` their convolutions.
        gamma: Initial weight of the last batch norm. At 0 the block starts as the identity.
        group_frames: Frames that attend to each other in maps of `grouped_channels`, as the
            authors ran res3 of long snippets. None for all frames everywhere.
        grouped_channels: Channels of those maps.

    Raises:
        ValueError: If an option is not a choice, or, at a pass, frames do not fill the groups.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_snippets: int,  # noqa: ARG002
        attention: str = "softmax",
        pooling: str = "before",
        gamma: float = 0.0,
        group_frames: int | None = None,
        grouped_channels: int = 512,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.pooling = pooling
        check_choices(self, attention=Attention, pooling=Pooling)
        self.group_frames = group_frames if channels == grouped_channels else None
        self.theta = _pointwise(channels, channels // 2)
        self.phi = _pointwise(channels, channels // 2)
        self.g = _pointwise(channels, channels // 2)
        self.out = _pointwise(channels // 2, channels)
        self.norm = nn.BatchNorm3d(channels)
        nn.init.constant_(self.norm.weight, gamma)

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        frames = self.group_frames or x.shape[2]
        if x.shape[2] % frames:
            raise ValueError(f"{x.shape[2]} frames do not fill groups of group_frames={frames}")
        grouped = rearrange(x, "nu c (s t) h w -> (nu s) c t h w", t=frames)
        y = rearrange(self.attend(grouped), "(nu s) d t h w -> nu d (s t) h w", nu=len(x))
        branch: Tensor = self.norm(self.out(y))
        return x + branch

    def attend(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B D T H W"]:
        """Return the attended values at every position."""
        source = pool_pixels(x) if self.pooling == "before" else x
        keys, values = self.phi(source), self.g(source)
        if self.pooling == "after":
            keys, values = pool_pixels(keys), pool_pixels(values)
        queries, keys, values = (
            rearrange(y, "b d t h w -> b (t h w) d") for y in (self.theta(x), keys, values)
        )
        weights = self.weigh(einsum(queries, keys, "b q d, b p d -> b q p"), width=keys.shape[2])
        y: Tensor = einsum(weights, values, "b q p, b p d -> b q d")
        return rearrange(y, "b (t h w) d -> b d t h w", t=x.shape[2], h=x.shape[3])

    def weigh(self, products: Float[Tensor, "B Q P"], *, width: int) -> Float[Tensor, "B Q P"]:
        """Return the weights of keys from their products with queries of this width."""
        if self.attention == "dot_product":
            return products / products.shape[2]
        scale: float = width**-0.5 if self.attention == "softmax" else 1.0
        return (scale * products).softmax(dim=2)


def pool_pixels(x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C T h w"]:
    """Return the maxima of 2 x 2 pixels; a side of one pixel stays as it is."""
    return F.max_pool3d(x, (1, min(2, x.shape[3]), min(2, x.shape[4])))


def _pointwise(channels: int, width: int) -> nn.Conv3d:
    conv = nn.Conv3d(channels, width, 1)
    assert conv.bias is not None
    nn.init.normal_(conv.weight, std=0.01)
    nn.init.zeros_(conv.bias)
    return conv
