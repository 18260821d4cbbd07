"""Names and shapes of released tensors, converted to the zoo's."""

import re
from collections.abc import Mapping

from einops import rearrange
from torch import Tensor

Rules = Mapping[str, str]
BATCH_COUNTER = "num_batches_tracked"  # absent from old files; evaluation never reads it


def rename(name: str, rules: Rules) -> str:
    """Apply regular expressions and their replacements, in order."""
    for pattern, replacement in rules.items():
        name = re.sub(pattern, replacement, name)
    return name


def reshape_to(tensor: Tensor, like: Tensor, name: str) -> Tensor:
    """Return a trained tensor in the layout of the network's tensor.

    A 2D kernel is inflated over time. Released 4D kernels are (U D C T H W), or (D C U T HW) with
    space flattened if one pixel wide; the zoo's are (D C U T H W).

    Raises:
        ValueError: If the shapes still differ.
    """
    if like.ndim == 5 and tensor.ndim == 4:
        frames = like.shape[2]
        tensor = tensor.unsqueeze(2).expand(-1, -1, frames, -1, -1) / frames
    elif like.ndim == 6 and tensor.ndim == 5:
        tensor = rearrange(tensor, "d c u t hw -> d c u t hw 1")
    elif like.ndim == 6 and tensor.ndim == 6:
        tensor = rearrange(tensor, "u d c t h w -> d c u t h w")
    if tensor.shape != like.shape:
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)}, in the network {tuple(like.shape)}"
        )
    return tensor
