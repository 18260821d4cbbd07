"""DSA by the grouped convolution of its released code, and the network that benchmarks put it in.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps. Needs torch, einops and
jaxtyping only, as `benchmarks.training.run` does.
"""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from experiments.recipes import I3D_R50, with_module

DSA_I3D_R50 = with_module(
    I3D_R50, "dsa", blocks={"res3": (1, 3), "res4": (1, 3, 5)}, alpha=2, beta=1 / 8
)


def grouped(
    x: Float[Tensor, "N U C T H W"], taps: Float[Tensor, "N C L"]
) -> Float[Tensor, "N U C T H W"]:
    """Mix snippets as the released code does: a 3D convolution over (U, T, H W), N x C groups."""
    kernels = rearrange(taps, "n c l -> (n c) 1 l 1 1")
    rows = rearrange(x, "n u c t h w -> 1 (n c) u t (h w)")
    pad = (taps.shape[2] // 2, 0, 0)
    y = F.conv3d(rows, kernels, padding=pad, groups=kernels.shape[0])
    return rearrange(y, "1 (n c) u t (h w) -> n u c t h w", n=x.shape[0], h=x.shape[4])
