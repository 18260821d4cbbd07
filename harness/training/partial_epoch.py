"""The finished steps of an epoch, and the state from which it resumes between two steps.

Ranks differ in their random numbers and, until the end of an epoch, in running averages, so that
state holds those of each rank.
"""

import time
from typing import Any

import torch
from torch import Tensor, nn

from harness.utils import distributed

State = dict[str, Any]


class PartialEpoch:
    """The finished steps of an epoch.

    Attributes:
        index: Of the epoch, from 0.
        results: Mean loss and top-1 share of each step.
        waited_s: Seconds spent waiting for batches.
        seconds: Duration before the latest resumption.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.results: list[Tensor] = []
        self.waited_s = 0.0
        self.seconds = 0.0

    @property
    def steps(self) -> int:
        """Return the number of finished steps."""
        return len(self.results)

    def state(self, net: nn.Module) -> State:
        """Return the state to resume from; all ranks call this after the same step."""
        return {
            "results": torch.stack(self.results).cpu(),
            "waited_s": self.waited_s,
            "ranks": distributed.gather([_rank_state(net)]),
        }


def resume_epoch(index: int, net: nn.Module, state: State) -> PartialEpoch:
    """Return the epoch that a state of `PartialEpoch.state` tells of, and restore this rank.

    Raises:
        ValueError: If another number of ranks wrote it.
    """
    ranks, found = distributed.world_size(), len(state["ranks"])
    if ranks != found:
        raise ValueError(
            f"the newest checkpoint is from within epoch {index + 1}, by {found} ranks, and "
            f"{ranks} cannot resume there: run with --ranks {found}, or delete the files "
            f"epoch-{index:04d}.*.pt in the trial's folder below work/, to resume at the start of "
            "that epoch"
        )
    own, device = state["ranks"][distributed.rank()], next(net.parameters()).device
    for name, buffer in net.named_buffers():
        if name in own["buffers"]:
            buffer.copy_(own["buffers"][name])
    torch.set_rng_state(own["cpu"])
    if device.type == "cuda" and own["cuda"] is not None:
        torch.cuda.set_rng_state(own["cuda"], device)
    partial = PartialEpoch(index)
    partial.results = list(state["results"].to(device))
    partial.waited_s, partial.seconds = state["waited_s"], state["seconds"]
    return partial


def _rank_state(net: nn.Module) -> State:
    """Return what this rank alone knows: random numbers and running averages."""
    device = next(net.parameters()).device
    saved = net.state_dict()
    return {
        "buffers": {name: buffer for name, buffer in net.named_buffers() if name in saved},
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


class SaveTimer:
    """The moments at which to save within an epoch, by the clock of rank 0.

    Args:
        every_s: Seconds from one to the next.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Return once in every period, on rank 0 alone, that it is time."""
        now = time.monotonic()
        if distributed.rank() or now - self._last < self._every_s:
            return False
        self._last = now
        return True
