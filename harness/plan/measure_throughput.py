"""Measured throughput of training: the real network and loop of a trial on random clips."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from statistics import quantiles
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from harness.cost.count import count
from harness.plan.throughput import FORWARD_AND_BACKWARD
from harness.runtime import check_device
from harness.specs import DataSpec, Trial
from harness.training import loop
from harness.zoo.build import build

WARM_UP = 2


@dataclass(frozen=True, kw_only=True)
class Quartiles:
    """Median and quartiles over steps."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ThroughputMeasurement:
    """The timing of training steps; `harness.plan.throughput.read_rate` reads its JSON.

    Attributes:
        table: Name of the experiment.
        row: Label.
        scale: Scale of the network and of its clips.
        device: Device in PyTorch's notation.
        device_name: Model of the device.
        threads: CPU threads.
        batch_videos: Videos in a step.
        steps: Number of timed steps, after the warm-up.
        precision: Element type of autocast.
        torch: Version of PyTorch.
        macs_per_view: Multiply-adds of a forward pass of one video under `harness.cost.rules.RULE`.
        videos_per_second: Per second of processor time on a CPU, of wall time on a GPU.
        macs_per_second: Videos per second times three forward passes per video.
    """

    table: str
    row: str
    scale: str
    device: str
    device_name: str
    threads: int
    batch_videos: int
    steps: int
    precision: str
    torch: str
    macs_per_view: int
    videos_per_second: Quartiles
    macs_per_second: Quartiles


class Batch(NamedTuple):
    """Random clips of one view per video, with labels and indices."""

    clips: Tensor
    labels: Tensor
    indices: Tensor


def measure(
    trial: Trial, *, table: str, row: str, device: str, threads: int, batch_videos: int, steps: int
) -> ThroughputMeasurement:
    """Time steps of the training loop of a trial on random clips.

    Raises:
        ValueError: If the device is missing, or its memory is too small for the batch.
    """
    check_device(device)
    torch.set_num_threads(threads)
    macs = count(trial).macs
    try:
        times = step_seconds(trial, device, batch_videos, steps)
    except torch.OutOfMemoryError as error:
        raise ValueError(
            f"a batch of {batch_videos} videos does not fit into the memory of {device}; "
            "pass a smaller --batch"
        ) from error
    speeds = [batch_videos / seconds for seconds in times]
    return ThroughputMeasurement(
        table=table,
        row=row,
        scale=trial.scale,
        device=device,
        device_name=_name(torch.device(device)),
        threads=threads,
        batch_videos=batch_videos,
        steps=steps,
        precision=trial.train.precision,
        torch=torch.__version__,
        macs_per_view=macs,
        videos_per_second=quartiles(speeds),
        macs_per_second=quartiles([speed * FORWARD_AND_BACKWARD * macs for speed in speeds]),
    )


def quartiles(values: list[float]) -> Quartiles:
    """Return median and quartiles of at least two values."""
    low, median, high = quantiles(values, n=4, method="inclusive")
    return Quartiles(low=low, median=median, high=high)


def step_seconds(trial: Trial, device: str, batch_videos: int, steps: int) -> list[float]:
    """Train one epoch of a trial on random clips and return the seconds of steps after warm-up."""
    torch.manual_seed(trial.seed)
    torch_device = torch.device(device)
    net = build(trial.model, trial.data).to(torch_device)
    batch = random_batch(trial.data, batch_videos, torch_device)
    return time_steps(net, batch, trial, warm_up=WARM_UP, steps=steps)


def time_steps(
    net: nn.Module, batch: Batch, trial: Trial, *, warm_up: int, steps: int
) -> list[float]:
    """Train on one batch with a trial's loop; return the seconds of steps after warm-up."""
    stamps: list[float] = []

    def batches(_: int, start: int = 0) -> Iterator[Batch]:
        # The loop takes a batch only after it has launched the step on the previous one.
        for _step in range(start, warm_up + steps):
            stamps.append(_now(batch.clips.device))
            yield batch
        stamps.append(_now(batch.clips.device))

    spec = replace(trial.train, epochs=1, warmup_epochs=0, milestones=())
    loop.train(
        net,
        batches,
        spec,
        steps=warm_up + steps,
        seed=trial.seed,
        validate=lambda _: None,
        report=lambda _history, _state: None,
    )
    return [after - before for before, after in pairwise(stamps[warm_up:])]


def random_batch(data: DataSpec, batch_videos: int, device: torch.device) -> Batch:
    """Draw a batch of random clips with the shape of a data set, on a device."""
    shape = (1, data.num_snippets, 3, data.num_frames, data.crop_px, data.crop_px)
    return Batch(
        clips=torch.randn(batch_videos, *shape, device=device),
        labels=torch.randint(data.num_classes, (batch_videos,), device=device),
        indices=torch.arange(batch_videos),
    )


def _now(device: torch.device) -> float:
    """Return the processor time of this process, or wall time for a GPU."""
    if device.type != "cuda":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def as_json(measured: ThroughputMeasurement) -> dict[str, Any]:
    """Return a measurement as JSON holds it."""
    return asdict(measured)


def text(measured: ThroughputMeasurement) -> str:
    """Return a measurement as three lines of text."""
    videos, macs = measured.videos_per_second, measured.macs_per_second
    return "\n".join(
        (
            f"{measured.table}/{measured.row} at {measured.scale} scale on {measured.device_name}, "
            f"batch {measured.batch_videos}, {measured.steps} steps, {measured.precision}, "
            f"torch {measured.torch}",
            f"videos per second         {videos.median:.3g}  ({videos.low:.3g}–{videos.high:.3g})",
            f"multiply-adds per second  {macs.median:.3g}  ({macs.low:.3g}–{macs.high:.3g})",
        )
    )
