"""Snippets folded into the batch, and their consensus (TSN).

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means both folded.
Source: Wang et al. 2016 (TSN: snippets share weights, their logits are averaged).
"""

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor


def fold_snippets(x: Float[Tensor, "N U C T H W"]) -> Float[Tensor, "NU C T H W"]:
    """Return snippets as a batch, in channels-last memory."""
    y = rearrange(x, "n u c t h w -> (n u) c t h w")
    return y.contiguous(memory_format=torch.channels_last_3d)


def average_snippets(logits: Float[Tensor, "NU K"], num_snippets: int) -> Float[Tensor, "N K"]:
    """Return video-level logits: the mean over the snippets of each video."""
    video_logits: Tensor = reduce(logits, "(n u) k -> n k", "mean", u=num_snippets)
    return video_logits
