"""Tensors renamed and reshaped to those of the zoo."""

import re
from collections.abc import Mapping

from einops import rearrange
from torch import Tensor

Rules = Mapping[str, str]
BATCH_COUNTER = "num_batches_tracked"  # absent from old files; evaluation never reads it


def rename(name: str, rules: Rules) -> str:
    """Apply regular expressions and their replacements, one after the other."""
    for pattern, replacement in rules.items():
        name = re.sub(pattern, replacement, name)
    return name


def reshape_to(tensor: Tensor, like: Tensor, name: str) -> Tensor:
    """Return a trained tensor in the layout of the network's.

    A 2D kernel is spread over time. A 4D kernel comes as (U D C T H W), or with space flattened
    as (D C U T HW) where it is one pixel wide; here it is (D C U T H W).

    Raises:
        ValueError: If the shape is another one.
    """
    if like.ndim == 5 and tensor.ndim == 4:
        frames = like.shape[2]
        tensor = tensor.unsqueeze(2).expand(-1, -1, frames, -1, -1) / frames
    elif like.ndim == 6 and tensor.ndim == 5:
        tensor = rearrange(tensor, "d c u t hw -> d c u t hw 1")
    elif like.ndim == 6 and tensor.ndim == 6:
        tensor = rearrange(tensor, "u d c t h w -> d c u t h w")
    if tensor.shape != like.shape:
        raise ValueError(f"{name} is {tuple(tensor.shape)}; this network has {tuple(like.shape)}")
    return tensor
