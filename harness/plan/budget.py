"""The budget of a plan before it runs: multiply-adds, time, disk, videos."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from harness.cost import cache
from harness.data.sizes import data_set_size
from harness.plan.duration import estimate
from harness.plan.duration.estimate import TimeEstimate, Work
from harness.plan.grid import PlannedTrial
from harness.plan.throughput import FORWARD_AND_BACKWARD, Rate
from harness.record import Record
from harness.specs import Scale, Trial
from harness.tables import blame
from harness.training.checkpoint import KEPT
from harness.utils.escape import counted

RULE = (
    "training: multiply-adds of a forward pass (rule mac+2bn) × 3, as a backward pass costs two, "
    "× whole batches of training videos × epochs; evaluation: a pass at the test crop × passes × "
    "crops × test videos, and one centred view of each at every point of the curve"
)
_TRAINED_BYTES = 8  # a float32 weight and its momentum
_SCORE_BYTES = 4
_LABEL_BYTES = 8
_RECORD_BYTES, _EPOCH_BYTES = 24_500, 180  # of desk records


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
    devices_per_trial: int = 1,
    workers: int | None = None,
    data: Path | None = None,
) -> Budget:
    """Add up the trials of a plan that have no fresh record.

    Args:
        trials: Distinct trials.
        records: Their seconds are the estimate where `rate` is None.
        scale: Scale of trials and records.
        rate: Throughput of one device; None to estimate from the records alone.
        devices: Number of devices.
        devices_per_trial: Devices that share a trial.
        workers: Loader processes of each device; None to leave reading out.
        data: Folder of the data sets, for the sizes of those of the user.
    """
    todo = [planned.trial for planned in trials if planned.state != "fresh"]
    workloads = estimate_workloads(trials, data)
    checkpoints = sorted((workload.checkpoint_bytes for workload in workloads), reverse=True)
    return Budget(
        trials=len(trials),
        recorded=len(trials) - len(todo),
        to_run=len(todo),
        work=_sum(workloads),
        running_checkpoint_bytes=sum(checkpoints[: devices // devices_per_trial]),
        time=estimate.recorded_time(todo, records, scale, devices)
        if rate is None
        else estimate.planned_time(
            [
                Work(data=trial.data, macs=_macs(load), videos_read=load.videos_read)
                for trial, load in zip(todo, workloads, strict=True)
            ],
            rate,
            scale,
            devices=devices,
            devices_per_trial=devices_per_trial,
            workers=workers,
        ),
    )


def estimate_workloads(trials: Sequence[PlannedTrial], data: Path | None = None) -> list[Workload]:
    """Estimate the work of each trial that has no fresh record; `data` as in `estimate_budget`.

    Raises:
        BrokenTableError: If a network cannot be counted.
    """
    workloads = []
    for planned in trials:
        if planned.state != "fresh":
            with blame(planned.table, planned.rows[0]):
                workloads.append(estimate_workload(planned.trial, data))
    return workloads


def estimate_workload(trial: Trial, data: Path | None = None) -> Workload:
    """Estimate the work of one trial, by `RULE`; `data` as in `estimate_budget`."""
    videos, train = data_set_size(trial.data, data), trial.train
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


def _macs(workload: Workload) -> int:
    return workload.training_macs + workload.evaluation_macs


def as_json(budget: Budget) -> dict[str, Any]:
    """Return a budget as JSON holds it."""
    return asdict(budget) | {"rule": RULE}


def text(budget: Budget) -> str:
    """Return a budget as text, one paragraph per resource."""
    head = f"{counted(budget.trials, 'trial')}, {budget.recorded} recorded, {budget.to_run} to run"
    if not budget.to_run:
        return head
    work, disk = budget.work, budget.work.record_bytes + budget.work.score_bytes
    parts = {
        "multiply-adds": f"{work.training_macs:.3g} in training, {work.evaluation_macs:.3g} in "
        f"evaluation; {RULE}",
        "time": estimate.text(budget.time),
        **({"reading": budget.time.loading} if budget.time and budget.time.loading else {}),
        "videos read": f"{work.videos_read:,}",
        "disk": f"{disk / 1e6:,.1f} MB of records and scores; "
        f"{budget.running_checkpoint_bytes / 1e6:,.0f} MB of checkpoints during the run, two per "
        "trial",
    }
    return "\n".join((head, *(_paragraph(name, part) for name, part in parts.items())))


def _paragraph(name: str, part: str) -> str:
    return fill(f"{name:15}{part}", width=80, break_on_hyphens=False, subsequent_indent=" " * 15)
