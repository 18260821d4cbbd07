"""What a plan costs before it runs: multiply-adds, time, disk, videos."""

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
from harness.training.checkpoint import KEPT

RULE = (
    "training: multiply-adds of a forward pass (rule mac+2bn) × 3, as a backward pass costs two, "
    "× whole batches of training videos × epochs; evaluation: a pass at the test crop × passes × "
    "crops × test videos, and one centred view of each wherever the curve asks for it"
)
_TRAINED_BYTES = 8  # a float32 weight and its momentum
_SCORE_BYTES = 4
_LABEL_BYTES = 8
_RECORD_BYTES, _EPOCH_BYTES = 11_200, 180  # of desk records


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one trial does and leaves; multiply-adds and bytes in ones."""

    training_macs: int
    evaluation_macs: int
    videos_read: int
    record_bytes: int
    score_bytes: int
    checkpoint_bytes: int


@dataclass(frozen=True, kw_only=True)
class Time:
    """How long trials take.

    Attributes:
        unit: `GPU-hours` or `CPU-minutes`.
        total: Of all trials.
        longest: Of the longest one.
        at_least: Until the last one ends: in hours or minutes, if nothing ever waits.
        devices: That run trials side by side, one each.
        source: What the figure comes from.
        assumed: True if that was measured nowhere.
    """

    unit: str
    total: float
    longest: float
    at_least: float
    devices: int
    source: str
    assumed: bool


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the open trials of a plan cost."""

    trials: int
    recorded: int
    to_run: int
    work: Work
    running_checkpoint_bytes: int
    time: Time | None


def budget(
    listed: Sequence[PlannedTrial],
    records: Sequence[Record],
    *,
    scale: Scale,
    rate: Rate | None,
    devices: int,
) -> Budget:
    """Add up the trials of a plan that have no fresh record.

    Args:
        listed: Every trial once.
        records: Give the seconds of trials where no rate is given.
        scale: Of all these.
        rate: Of one device; None to go by the records alone.
        devices: That run trials side by side.
    """
    todo = [each.trial for each in listed if each.state != "fresh"]
    works = [work(trial) for trial in todo]
    kept = sorted((each.checkpoint_bytes for each in works), reverse=True)
    return Budget(
        trials=len(listed),
        recorded=len(listed) - len(todo),
        to_run=len(todo),
        work=_sum(works),
        running_checkpoint_bytes=sum(kept[:devices]),
        time=_time(todo, works, records, scale=scale, rate=rate, devices=devices),
    )


def work(trial: Trial) -> Work:
    """Add up what one trial does, by `RULE`."""
    videos, train = data_set_size(trial.data), trial.train
    seen = videos.train // train.batch_videos * train.batch_videos * train.epochs
    forward, tested = cache.in_training(trial), cache.in_testing(trial)
    every = trial.evaluation.every_epochs
    curve = train.epochs // every if every else 0
    views = trial.evaluation.num_passes * trial.evaluation.num_crops
    scored = videos.test * (views + curve * _centred_passes(trial))
    return Work(
        training_macs=forward.macs * FORWARD_AND_BACKWARD * seen,
        evaluation_macs=tested.macs * scored,
        videos_read=seen + videos.test * (1 + curve),
        record_bytes=_RECORD_BYTES + _EPOCH_BYTES * train.epochs,
        score_bytes=videos.test * (_SCORE_BYTES * trial.data.num_classes + _LABEL_BYTES),
        checkpoint_bytes=KEPT * _TRAINED_BYTES * forward.params,
    )


def _centred_passes(trial: Trial) -> int:
    """Return the passes of the view that the curve is drawn from, as `harness.trial` takes it."""
    sections = trial.data.num_sections or trial.data.num_snippets
    return max(sections // trial.data.num_snippets, 1)


def _sum(works: Sequence[Work]) -> Work:
    totals = {name: sum(getattr(each, name) for each in works) for name in Work.__annotations__}
    return Work(**totals)


def _time(
    todo: Sequence[Trial],
    works: Sequence[Work],
    records: Sequence[Record],
    *,
    scale: Scale,
    rate: Rate | None,
    devices: int,
) -> Time | None:
    if rate is None:
        seconds = [_seconds(trial, records) for trial in todo]
        known = [each for each in seconds if each is not None]
        said, assumed = "seconds of records of the same rows, or the median of all", False
    else:
        known = [_macs(each) / rate.macs_per_second for each in works]
        said, assumed = f"{rate.device}: {rate.source}", not rate.measured
    if not known:
        return None
    unit, size = ("GPU-hours", 3600) if scale == "paper" else ("CPU-minutes", 60)
    total, longest = sum(known) / size, max(known) / size
    return Time(
        unit=unit,
        total=total,
        longest=longest,
        at_least=max(longest, total / devices),
        devices=devices,
        source=said,
        assumed=assumed,
    )


def _macs(each: Work) -> int:
    return each.training_macs + each.evaluation_macs


def _seconds(trial: Trial, records: Sequence[Record]) -> float | None:
    """Return what records of this trial took, whatever their seed; else the median of all."""
    whole = [each for each in records if each.trial["scale"] == trial.scale]
    whole = [each for each in whole if not each.resumed_epochs]
    wanted = _without_seed(as_dict(trial))
    same = [each.seconds for each in whole if _without_seed(each.trial) == wanted]
    every = [each.seconds for each in whole]
    return median(same or every) if every else None


def _without_seed(trial: Mapping[str, Any]) -> dict[str, Any]:
    return dict(trial) | {"seed": None}


def as_json(spent: Budget) -> dict[str, Any]:
    """Return a budget as JSON holds it."""
    return asdict(spent) | {"rule": RULE}


def text(spent: Budget) -> str:
    """Say what a plan costs, line by line."""
    head = f"{spent.trials} trials, {spent.recorded} recorded, {spent.to_run} to run"
    if not spent.to_run:
        return head
    done, disk = spent.work, spent.work.record_bytes + spent.work.score_bytes
    parts = {
        "multiply-adds": f"{done.training_macs:.3g} in training, {done.evaluation_macs:.3g} in "
        f"evaluation; {RULE}",
        "time": _spoken(spent.time),
        "videos read": f"{done.videos_read:,}",
        "disk": f"{disk / 1e6:,.1f} MB of records and scores; while they run, "
        f"{spent.running_checkpoint_bytes / 1e6:,.0f} MB of checkpoints, two a trial",
    }
    return "\n".join((head, *(_paragraph(name, said) for name, said in parts.items())))


def _paragraph(name: str, said: str) -> str:
    return fill(f"{name:15}{said}", width=100, subsequent_indent=" " * 15)


def _spoken(time: Time | None) -> str:
    if time is None:
        return "unknown: no record at this scale yet, and no --throughput"
    mark = "ASSUMED, " if time.assumed else ""
    short = time.unit.partition("-")[2]
    return (
        f"{time.total:,.1f} {time.unit}, at least {time.at_least:,.1f} {short} on {time.devices} "
        f"({mark}{time.source})"
    )
