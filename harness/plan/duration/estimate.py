"""The time of trials, from records or from rates of training and of reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from harness.plan.duration.loading import LOADING_SOURCE, Loading
from harness.plan.throughput import Rate
from harness.record import Record
from harness.specs import DataSpec, Scale, Trial, as_dict


@dataclass(frozen=True, kw_only=True)
class TimeEstimate:
    """The estimated time of trials.

    Attributes:
        unit: `GPU-hours` or `CPU-minutes`.
        total: Sum over all trials.
        longest: Time of the longest trial.
        at_least: Lower bound of the wall time, in hours or minutes.
        devices: Number of devices.
        source: Source of the estimate.
        is_assumed: True if the throughput was assumed, not measured.
        devices_per_trial: Devices that share a trial.
        loading: What reading adds, in words; empty if it is not part of the estimate.
    """

    unit: str
    total: float
    longest: float
    at_least: float
    devices: int
    source: str
    is_assumed: bool
    devices_per_trial: int = 1
    loading: str = ""


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of one trial: multiply-adds, and videos read of its data."""

    data: DataSpec
    macs: int
    videos_read: int


def recorded_time(
    trials: Sequence[Trial], records: Sequence[Record], scale: Scale, devices: int
) -> TimeEstimate | None:
    """Estimate the time of trials from records; None without any."""
    estimates = [_recorded_seconds(trial, records) for trial in trials]
    seconds = [estimate for estimate in estimates if estimate is not None]
    source = "seconds of records of the same rows, or the median of all"
    return _estimate(seconds, scale, devices, source=source, is_assumed=False) if seconds else None


def planned_time(
    work: Sequence[Work],
    rate: Rate,
    scale: Scale,
    *,
    devices: int,
    devices_per_trial: int = 1,
    workers: int | None = None,
) -> TimeEstimate | None:
    """Estimate the time of trials from rates: of training or of reading, whichever is longer.

    Args:
        work: Of each trial; None is returned for none.
        rate: Throughput of one device.
        scale: Scale of the trials.
        devices: Number of devices.
        devices_per_trial: Devices that share a trial.
        workers: Loader processes of each device; None to leave reading out.
    """
    if not work:
        return None
    seconds = [trial.macs / rate.macs_per_second / devices_per_trial for trial in work]
    words = ""
    if workers is not None:
        loading = Loading(workers=workers, ranks=devices_per_trial)
        originals, copies = (
            [loading.seconds(trial.data, trial.videos_read, of_copies=kind) for trial in work]
            for kind in (False, True)
        )
        words = _loading_words(loading, max(seconds), max(originals), max(copies))
        seconds = list(map(loading.with_training, originals, seconds))
    return _estimate(
        seconds,
        scale,
        devices,
        source=f"{rate.device}: {rate.source}",
        is_assumed=not rate.is_measured,
        devices_per_trial=devices_per_trial,
        loading=words,
    )


def _loading_words(loading: Loading, training: float, originals: float, copies: float) -> str:
    """Say what bounds the longest trial, from seconds of training and of reading."""
    bound = "reading" if originals > training else "training"
    return (
        f"{bound} bounds the longest trial: {training / 3600:,.1f} h of training; reading with "
        f"--workers {loading.workers} on each of {loading.ranks} GPUs {originals / 3600:,.1f} h "
        f"from originals, {copies / 3600:,.1f} h from training copies (ASSUMED: {LOADING_SOURCE})"
    )


def _estimate(
    seconds: Sequence[float], scale: Scale, devices: int, *, devices_per_trial: int = 1, **how: Any
) -> TimeEstimate:
    """Return the estimate for trials of these durations."""
    unit, size = ("GPU-hours", 3600) if scale == "paper" else ("CPU-minutes", 60)
    total, longest = sum(seconds) / size, max(seconds) / size
    return TimeEstimate(
        unit=unit,
        total=total * devices_per_trial,
        longest=longest,
        at_least=max(longest, total / (devices // devices_per_trial)),
        devices=devices,
        devices_per_trial=devices_per_trial,
        **how,
    )


def _recorded_seconds(trial: Trial, records: Sequence[Record]) -> float | None:
    """Return the median time of records of this trial with any seed; else that of all records."""
    complete = [
        record
        for record in records
        if record.trial["scale"] == trial.scale and not record.resumed_epochs
    ]
    fields = _without_seed(as_dict(trial))
    same = [record.seconds for record in complete if _without_seed(record.trial) == fields]
    seconds = same or [record.seconds for record in complete]
    return median(seconds) if seconds else None


def _without_seed(trial: Mapping[str, Any]) -> dict[str, Any]:
    return dict(trial) | {"seed": None}


def text(time: TimeEstimate | None) -> str:
    """Return an estimate as text."""
    if time is None:
        return "unknown: no record at this scale yet, and no --throughput"
    mark = "ASSUMED, " if time.is_assumed else ""
    short = time.unit.partition("-")[2]
    shared = f", {time.devices_per_trial} a trial" if time.devices_per_trial > 1 else ""
    return (
        f"{time.total:,.1f} {time.unit}, at least {time.at_least:,.1f} {short} on {time.devices}"
        f"{shared} ({mark}{time.source})"
    )
