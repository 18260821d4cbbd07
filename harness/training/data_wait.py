"""The share of time that training waits for its data, and what helps."""

import math
from collections.abc import Sequence
from typing import Protocol

HIGH = 0.3  # from here on, other loading would pay


class TimedEpoch(Protocol):
    """The duration of an epoch, and the part of it spent waiting for batches."""

    @property
    def seconds(self) -> float:
        """Duration."""

    @property
    def waited_s(self) -> float:
        """Seconds of it spent waiting for batches."""


def waited_share(epochs: Sequence[TimedEpoch]) -> float:
    """Return the share of the time of epochs that was spent waiting for batches; 0 for none."""
    seconds = sum(epoch.seconds for epoch in epochs)
    return sum(epoch.waited_s for epoch in epochs) / seconds if seconds else 0.0


def advise(share: float, *, workers: int, cores: int, can_copy: bool) -> str:
    """Return what helps against a high share of waiting; empty for a low one, or without a remedy.

    Args:
        share: Of the time, spent waiting for data.
        workers: Loader processes of each rank; without any, a rank loads while it does not train.
        cores: CPUs of each rank.
        can_copy: Whether the videos can have a training copy, which is faster to read.
    """
    if share < HIGH:
        return ""
    needed = enough_workers(share, workers)
    remedies = ["make a training copy (harness data copy)"] if can_copy else []
    remedies += [f"--workers {needed}"] if needed <= cores else []
    return ", or ".join(remedies)


def enough_workers(share: float, workers: int) -> int:
    """Return the loader processes of a rank that make data as fast as it trains."""
    busy = max(1 - share, 0.01)
    return math.ceil(round((workers / busy) if workers else share / busy, 6))
