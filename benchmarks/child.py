"""Processes of their own for measurements, and the time and memory that a function takes in one."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from harness.utils.process import exit_with_parent

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Time and memory of a function.

    Attributes:
        seconds: Processor time, of all threads.
        peak_mb: Peak of the memory beyond that held before, in 10⁶ bytes.
    """

    seconds: float
    peak_mb: float


def in_child(action: Callable[..., T], *args: object) -> T:
    """Return what a function returns in a fresh process."""
    context = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=exit_with_parent) as pool:
        return pool.submit(action, *args).result()


def usage_of(action: Callable[[], T]) -> tuple[T, Usage]:
    """Return what a function returns, and what it takes in this process."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak so far
    before, start = memory_kb("VmRSS"), time.process_time()
    value = action()
    return value, Usage(
        seconds=time.process_time() - start,
        peak_mb=max(memory_kb("VmHWM") - before, 0) * 1_024 / 1e6,
    )


def memory_kb(name: str) -> int:
    """Return an amount of memory of this process, by its name in `/proc/self/status`."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
