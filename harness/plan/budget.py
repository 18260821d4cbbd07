"""The budget of a plan before it runs: multiply-adds, time, disk, videos."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from textwrap import fill
from typing import Any

from harness.cost import cache
from harness.data.sizes import data_set_size
from harness.plan.grid import PlannedTrial
from harness.plan.throughput import FORWARD_AND_BACKWARD, Rate
from harness.record import Record
from harness.specs import Scale, Trial, as_dict
from harness.tables import blame
from harness.training.checkpoint import KEPT

RULE = (
    "training: multiply-adds of a forward pass (rule mac+2bn) × 3, as a backward pass costs two, "
    "× whole batches of training videos × epochs; evaluation: a pass at the test crop × passes × "
    "crops × test videos, and one centred view of each at every point of the curve"
)
_TRAINED_BYTES = 8  # a float32 weight and its momentum
_SCORE_BYTES = 4
_LABEL_BYTES = 8
_RECORD_BYTES, _EPOCH_BYTES = 14_800, 180  # of desk records


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The work and the files of one trial, in multiply-adds, videos and bytes."""

    training_macs: int
    evaluation_macs: int
    videos_read: int
    record_bytes: int
    score_bytes: int
    checkpoint_bytes: int


@dataclass(frozen=True, kw_only=True)
class TimeEstimate:
    """The estimated time of trials.

    Attributes:
        unit: `GPU-hours` or `CPU-minutes`.
        total: Sum over all trials.
        longest: Time of the longest trial.
        at_least: Lower bound of the wall time, in hours or minutes.
        devices: Number of devices, each of which runs one trial at a time.
        source: Source of the estimate.
        is_assumed: True if the throughput was assumed, not measured.
    """

    unit: str
    total: float
    longest: float
    at_least: float
    devices: int
    source: str
    is_assumed: bool


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The cost of the trials of a plan that have no fresh record."""

    trials: int
    recorded: int
    to_run: int
    work: Workload
    running_checkpoint_bytes: int
    time: TimeEstimate | None


def estimate_budget(
    trials: Sequence[PlannedTrial],
    records: Sequence[Record],
    *,
    scale: Scale,
    rate: Rate | None,
    devices: int,
) -> Budget:
    """Add up the trials of a plan that have no fresh record.

    Args:
        trials: Distinct trials.
        records: Their seconds are the estimate where `rate` is None.
        scale: Scale of trials and records.
        rate: Throughput of one device; None to estimate from the records alone.
        devices: Number of devices, each of which runs one trial at a time.
    """
    missing = [planned for planned in trials if planned.state != "fresh"]
    todo, workloads = [planned.trial for planned in missing], []
    for planned in missing:
        with blame(planned.table, planned.rows[0]):
            workloads.append(estimate_workload(planned.trial))
    checkpoints = sorted((workload.checkpoint_bytes for workload in workloads), reverse=True)
    return Budget(
        trials=len(trials),
        recorded=len(trials) - len(todo),
        to_run=len(todo),
        work=_sum(workloads),
        running_checkpoint_bytes=sum(checkpoints[:devices]),
        time=_time(todo, workloads, records, scale=scale, rate=rate, devices=devices),
    )


def estimate_workload(trial: Trial) -> Workload:
    """Estimate the work of one trial, by `RULE`."""
    videos, train = data_set_size(trial.data), trial.train
    trained = videos.train // train.batch_videos * train.batch_videos * train.epochs
    training, testing = cache.in_training(trial), cache.in_testing(trial)
    every = trial.evaluation.every_epochs
    curve = train.epochs // every if every else 0
    views = trial.evaluation.num_passes * trial.evaluation.num_crops
    passes = videos.test * (views + curve * _centred_passes(trial))
    return Workload(
        training_macs=training.macs * FORWARD_AND_BACKWARD * trained,
        evaluation_macs=testing.macs * passes,
        videos_read=trained + videos.test * (1 + curve),
        record_bytes=_RECORD_BYTES + _EPOCH_BYTES * train.epochs,
        score_bytes=videos.test * (_SCORE_BYTES * trial.data.num_classes + _LABEL_BYTES),
        checkpoint_bytes=KEPT * _TRAINED_BYTES * training.params,
    )


def _centred_passes(trial: Trial) -> int:
    """Return the passes of one centred view, as `harness.trial` validates during training."""
    sections = trial.data.num_sections or trial.data.num_snippets
    return max(sections // trial.data.num_snippets, 1)


def _sum(workloads: Sequence[Workload]) -> Workload:
    names = Workload.__annotations__
    return Workload(
        **{name: sum(getattr(workload, name) for workload in workloads) for name in names}
    )


def _time(
    trials: Sequence[Trial],
    workloads: Sequence[Workload],
    records: Sequence[Record],
    *,
    scale: Scale,
    rate: Rate | None,
    devices: int,
) -> TimeEstimate | None:
    if rate is None:
        estimates = [_recorded_seconds(trial, records) for trial in trials]
        seconds = [estimate for estimate in estimates if estimate is not None]
        source, is_assumed = "seconds of records of the same rows, or the median of all", False
    else:
        seconds = [_macs(workload) / rate.macs_per_second for workload in workloads]
        source, is_assumed = f"{rate.device}: {rate.source}", not rate.is_measured
    if not seconds:
        return None
    unit, size = ("GPU-hours", 3600) if scale == "paper" else ("CPU-minutes", 60)
    total, longest = sum(seconds) / size, max(seconds) / size
    return TimeEstimate(
        unit=unit,
        total=total,
        longest=longest,
        at_least=max(longest, total / devices),
        devices=devices,
        source=source,
        is_assumed=is_assumed,
    )


def _macs(workload: Workload) -> int:
    return workload.training_macs + workload.evaluation_macs


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


def as_json(budget: Budget) -> dict[str, Any]:
    """Return a budget as JSON holds it."""
    return asdict(budget) | {"rule": RULE}


def text(budget: Budget) -> str:
    """Return a budget as text, one paragraph per resource."""
    head = f"{budget.trials} trials, {budget.recorded} recorded, {budget.to_run} to run"
    if not budget.to_run:
        return head
    work, disk = budget.work, budget.work.record_bytes + budget.work.score_bytes
    parts = {
        "multiply-adds": f"{work.training_macs:.3g} in training, {work.evaluation_macs:.3g} in "
        f"evaluation; {RULE}",
        "time": _time_text(budget.time),
        "videos read": f"{work.videos_read:,}",
        "disk": f"{disk / 1e6:,.1f} MB of records and scores; "
        f"{budget.running_checkpoint_bytes / 1e6:,.0f} MB of checkpoints during the run, two per "
        "trial",
    }
    return "\n".join((head, *(_paragraph(name, part) for name, part in parts.items())))


def _paragraph(name: str, part: str) -> str:
    return fill(f"{name:15}{part}", width=100, subsequent_indent=" " * 15)


def _time_text(time: TimeEstimate | None) -> str:
    if time is None:
        return "unknown: no record at this scale yet, and no --throughput"
    mark = "ASSUMED, " if time.is_assumed else ""
    short = time.unit.partition("-")[2]
    return (
        f"{time.total:,.1f} {time.unit}, at least {time.at_least:,.1f} {short} on {time.devices} "
        f"({mark}{time.source})"
    )
