"""Too little device memory: the error, and the search for a size that fits."""

from collections.abc import Callable

import torch


class DeviceMemoryError(ValueError):
    """Too little device memory for the requested batch."""


def largest_fit(fits: Callable[[int], bool], *, below: int) -> int:
    """Return the largest number that fits, by bisection; 0 if none does.

    Args:
        fits: Returns whether a number fits.
        below: A number that does not fit.
    """
    low, high = 0, below
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def release(device: torch.device) -> None:
    """Give memory that is reserved and unused back to a device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def describe_memory(device: torch.device) -> str:
    """Return the memory of a device in words."""
    if device.type != "cuda":
        return "the memory of this machine"
    gpu = torch.cuda.get_device_properties(device)
    return f"the {gpu.total_memory / 1e9:.0f} GB of {gpu.name}"
