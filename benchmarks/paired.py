"""Compare two actions by time and memory, side by side.

They run next to each other in changing order, and what counts is the median of the ratios of such
pairs: the machine's other work, its clock and its caches fall on both.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor
from torch.autograd.profiler import profile

Action = Callable[[], Sequence[Tensor]]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two forms of the same, the first over the second.

    Attributes:
        ratio: Median over pairs of the ratio of times.
        quartiles: Of the same ratios.
        milliseconds: Median time of each; orientation only.
        extra_mb: Peak of what each allocates on top of what it returns, in 10⁶ bytes.
    """

    ratio: float
    quartiles: tuple[float, float]
    milliseconds: tuple[float, float]
    extra_mb: tuple[float, float]


def compare(first: Action, second: Action, *, pairs: int, device: torch.device) -> Comparison:
    """Measure two actions next to each other, after one run of each for memory."""
    actions = (first, second)
    peaks = [extra_bytes(action, device) / 1e6 for action in actions]
    times = []
    for index in range(pairs):
        order = (0, 1) if index % 2 == 0 else (1, 0)
        taken = {which: seconds(actions[which], device) for which in order}
        times.append((taken[0], taken[1]))
    middle, quartiles = ratio(times)
    one, other = (1e3 * median(column) for column in zip(*times, strict=True))
    return Comparison(
        ratio=middle,
        quartiles=quartiles,
        milliseconds=(one, other),
        extra_mb=(peaks[0], peaks[1]),
    )


def ratio(pairs: Sequence[tuple[float, float]]) -> tuple[float, tuple[float, float]]:
    """Return the median and the quartiles of the ratios of pairs, the first over the second."""
    ratios = [one / other for one, other in pairs]
    low, middle, high = map(float, np.quantile(ratios, (0.25, 0.5, 0.75)))
    return middle, (low, high)


def seconds(action: Action, device: torch.device) -> float:
    """Time an action: processor time of this process, or wall time on a GPU.

    Processor time leaves out what other processes on the machine took.
    """
    if device.type != "cuda":
        start = time.process_time()
        action()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    action()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def extra_bytes(action: Action, device: torch.device) -> int:
    """Return the peak of what an action allocates beyond the tensors that it returns."""
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        results = action()
        peak = torch.cuda.max_memory_allocated(device) - before
    else:
        os.environ.setdefault("KINETO_LOG_LEVEL", "9")  # or the profiler writes to the console
        with profile(use_device=None, profile_memory=True) as watched:
            results = action()
        peak = _profiled_peak(watched)
    return peak - sum(tensor.untyped_storage().nbytes() for tensor in results)


def _profiled_peak(watched: profile) -> int:
    with TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        watched.export_chrome_trace(str(path))  # type: ignore[no-untyped-call]
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    steps = [event for event in events if event["name"] == "[memory]"]
    held = peak = 0
    for event in sorted(steps, key=lambda event: float(event["ts"])):
        held += event["args"]["Bytes"]
        peak = max(peak, held)
    return peak
