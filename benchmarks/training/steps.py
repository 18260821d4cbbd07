"""Measure whole training steps of networks next to each other, and what the device can do at most.

Time is processor time of this process on a CPU, so that programs beside it do not count, and wall
time between two synchronisations on a GPU.
"""

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from statistics import median
from typing import TypeVar

import torch
from torch import Tensor, nn

from benchmarks import paired
from harness.plan import measure_throughput
from harness.specs import Trial
from harness.training.out_of_memory import DeviceMemoryError

T = TypeVar("T")
_WARM_UP = 1
_PRODUCTS = 10
FLOP_PER_MAC = 2


class NotCompiledError(Exception):
    """`torch.compile` cannot work here."""


def fitting(action: Callable[[], T]) -> T | None:
    """Run an action; return None if memory does not suffice for it."""
    found = None
    with suppress(torch.OutOfMemoryError, DeviceMemoryError):
        found = action()
    if found is None:
        free()  # after the exception is gone, which holds tensors
    return found


def free() -> None:
    """Give back memory that nothing uses."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def doubling(measure: Callable[[int], T | None], *, largest: int | None) -> dict[int, T]:
    """Measure batches of 1, 2, 4 … videos, up to the first that does not fit.

    Args:
        measure: Called with a number of videos; returns None if they do not fit.
        largest: Number of videos to stop at; None for all that fit.
    """
    fitted: dict[int, T] = {}
    batch = 1
    while (largest is None or batch <= largest) and (found := measure(batch)) is not None:
        fitted[batch] = found
        batch *= 2
    return fitted


def laps(
    runs: Mapping[str, Callable[[], float]], *, rounds: int, progress: Callable[[str], None]
) -> dict[str, list[float]]:
    """Call each once a round, forth and back in turn; return what each returned, by round."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(1, rounds + 1):
        for name in [*runs] if number % 2 else [*runs][::-1]:
            progress(f"round {number}/{rounds}: {name}")
            times[name].append(runs[name]())
    return times


def first_step(net: nn.Module, batch: measure_throughput.Batch, trial: Trial) -> float:
    """Run one step and return its seconds by the clock; it compiles a network that is to be.

    Raises:
        NotCompiledError: If a compiler is missing or fails.
    """
    from torch._dynamo.exc import TorchDynamoException  # here, as it takes seconds

    start = time.perf_counter()
    try:
        measure_throughput.time_steps(net, batch, trial, warm_up=0, steps=1)
    except TorchDynamoException as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise NotCompiledError(lines[0] if lines else type(error).__name__) from error
    return time.perf_counter() - start


def step_seconds(
    net: nn.Module, batch: measure_throughput.Batch, trial: Trial, *, steps: int
) -> list[float]:
    """Return the seconds of training steps, without the first, which makes the momentum."""
    return measure_throughput.time_steps(net, batch, trial, warm_up=_WARM_UP, steps=steps)


def mean_step(
    net: nn.Module, batch: measure_throughput.Batch, trial: Trial, *, steps: int
) -> float:
    """Return the mean seconds of training steps, and leave no gradients behind."""
    found = step_seconds(net, batch, trial, steps=steps)
    net.zero_grad()
    return sum(found) / steps


def peak_bytes(net: nn.Module, batch: measure_throughput.Batch, trial: Trial) -> int:
    """Return the peak memory of training: weights, batch, and all that steps allocate."""

    def steps() -> tuple[Tensor, ...]:
        mean_step(net, batch, trial, steps=1)
        return ()

    net.zero_grad()
    held = [*net.parameters(), *net.buffers(), batch.clips, batch.labels]
    own = sum(tensor.untyped_storage().nbytes() for tensor in held)
    return own + paired.extra_bytes(steps, batch.clips.device)


def product_rate(side: int, device: torch.device) -> float:
    """Return the FLOP per second of the product of two square bfloat16 matrices."""
    left, right = (torch.randn(side, side, device=device).bfloat16() for _ in range(2))

    def products() -> tuple[Tensor, ...]:
        return (left @ right,)

    products()
    taken = median(paired.seconds(products, device) for _ in range(_PRODUCTS))
    return FLOP_PER_MAC * side**3 / taken
