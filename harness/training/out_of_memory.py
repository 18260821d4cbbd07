"""What does not fit into the memory of a device, in one sentence, with what would."""

from collections.abc import Callable

import torch


class TooLargeError(ValueError):
    """A device has too little memory for what was asked."""


def largest(fits: Callable[[int], bool], *, below: int) -> int:
    """Return the largest number that fits, by trying; 0 if none does.

    Args:
        fits: Tries a number.
        below: One that does not fit.
    """
    fitting, unfit = 0, below
    while unfit - fitting > 1:
        middle = (fitting + unfit) // 2
        if fits(middle):
            fitting = middle
        else:
            unfit = middle
    return fitting


def size(device: torch.device) -> str:
    """Name the memory of a device."""
    if device.type != "cuda":
        return "the memory of this machine"
    card = torch.cuda.get_device_properties(device)
    return f"the {card.total_memory / 1e9:.0f} GB of {card.name}"
