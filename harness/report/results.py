"""Rows of a table with their records, accuracies and costs, collected once per table.

Verdicts, files, figures and MLflow runs are made from these values; nothing else looks for records
of a row or decides staleness.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from experiments.scales import SCALES
from harness import record, scores
from harness.cost.rows import RowCost, row_cost
from harness.data import sizes
from harness.experiment import Claim, Experiment, Row
from harness.plan import comparisons, grid
from harness.plan.comparisons import Comparison
from harness.plan.request import Request
from harness.provenance import code
from harness.record import Record, parts_of
from harness.specs import Scale, Trial
from harness.stats import verdict
from harness.stats.verdict import Interval, Verdict
from harness.tables import blame

MAX_SEEDS = 10  # of interrupted trials that are noticed
State = Literal["quoted", "not run", "interrupted", "stale", "measured"]
Metric = Literal["top1", "map"]


@dataclass(frozen=True, kw_only=True)
class RowResult:
    """A row of a table with its records and its cost.

    Attributes:
        row: As specified, at paper scale.
        trial: At the scale of the table; None for a row that quotes other work.
        records: One per seed, in the order of the seeds; fused ones if the row is an ensemble.
        stale: Keys of the records among them that were made by other code.
        state: `measured` if every record is fresh; a `quoted` row has no records.
        metric: Accuracy that the table compares.
        cost: At paper scale, on own terms of the network that ran; None for a row that quotes
            other work.
        altered: Fields that the table ablates and its scale changes, in words.
        changes: Fields of the trial that a user changed, in words; empty at a named scale.
    """

    row: Row
    trial: Trial | None
    records: tuple[Record, ...]
    stale: frozenset[str]
    state: State
    metric: Metric
    cost: RowCost | None
    altered: str
    changes: str = ""

    @property
    def label(self) -> str:
        """Return the label of the row."""
        return self.row.label

    @property
    def values(self) -> tuple[float, ...]:
        """Return the accuracy of each seed, in percent."""
        return tuple(record.metrics[self.metric] for record in self.records)

    @cached_property
    def interval(self) -> Interval | None:
        """Return the mean over seeds with its interval; None without records."""
        return verdict.seed_interval(self.values) if self.records else None

    @property
    def bar(self) -> tuple[float, float] | None:
        """Return the ends of the row's bar in a figure; None without records or from one seed.

        At desk scale they are the lowest and the highest seed, else those of the 95 % interval.
        """
        interval = self.interval
        if interval is None or interval.half_width is None:
            return None
        if self.trial is not None and self.trial.scale == "desk":
            return min(self.values), max(self.values)
        return interval.mean - interval.half_width, interval.mean + interval.half_width

    @property
    def seeds(self) -> set[int]:
        """Return the seeds that have a record."""
        return {int(record.trial["seed"]) for record in self.records}

    @property
    def is_own(self) -> bool:
        """Return whether the row ran on a user's own terms."""
        return self.trial is not None and self.trial.scale == "own"

    @property
    def has_printed_videos(self) -> bool:
        """Return whether the printed accuracies are of the data set that the table shows."""
        if self.trial is None or self.row.trial is None or not self.is_own:
            return True
        return self.trial.data.name == self.row.trial.data.name


@dataclass(frozen=True, kw_only=True)
class ComparedRecords:
    """A comparison with the records of its two rows, none if a row has not run by this code."""

    comparison: Comparison
    records: tuple[tuple[Record, ...], tuple[Record, ...]]


@dataclass(frozen=True, kw_only=True)
class TableResult:
    """A table at a scale with the results of its rows.

    Attributes:
        experiment: The table, at paper scale.
        scale: Of the records.
        base: The scale that `own` terms change; else the same.
        results: Folder of records, scores, preregistered claims, tables and figures.
        rows: In the order of the table.
        obstacles: Claims that cannot be tested at this scale, with their verdicts.
        family: Comparisons of all tables that are corrected together.
    """

    experiment: Experiment
    scale: Scale
    results: Path
    rows: tuple[RowResult, ...]
    obstacles: Mapping[Claim, Verdict]
    family: tuple[ComparedRecords, ...]
    base: Scale = "paper"

    @property
    def metric(self) -> Metric:
        """Return the accuracy that the table compares."""
        return metric_of(self.experiment)

    @cached_property
    def is_measured(self) -> bool:
        """Return whether the table shows measured accuracies.

        A comparison with other work without any record is shown as printed, with its costs,
        instead of a column of "not run".
        """
        return self.experiment.trains and (not self.experiment.is_comparison or bool(self.records))

    @property
    def file_stem(self) -> str:
        """Return the name of the table's files, without an extension."""
        return file_stem(self.experiment, self.scale)

    @property
    def shown(self) -> tuple[RowResult, ...]:
        """Return the rows as the table shows them: without records if it is not measured."""
        if self.is_measured:
            return self.rows
        return tuple(replace(row, records=(), stale=frozenset()) for row in self.rows)

    @property
    def records(self) -> list[Record]:
        """Return the distinct records on disk that the table is made from."""
        found = (part for row in self.rows for each in row.records for part in parts_of(each))
        return list({record.key: record for record in found}.values())

    @property
    def stale(self) -> frozenset[str]:
        """Return the keys of the records that were made by other code."""
        return frozenset().union(*(row.stale for row in self.rows))

    @property
    def equal_rows(self) -> list[tuple[str, ...]]:
        """Return the labels of measured rows that are the same trial, group by group."""
        groups: dict[str, list[str]] = {}
        for result in self.rows:
            if result.trial is not None and result.records and not result.row.ensemble:
                key = record.trial_key(result.trial, "")
                groups.setdefault(key, []).append(result.label)
        return [tuple(labels) for labels in groups.values() if len(labels) > 1]

    def of(self, claim: Claim) -> list[RowResult]:
        """Return the rows of a claim, in its order."""
        rows = {result.label: result for result in self.rows}
        return [rows[label] for label in claim.rows]


def file_stem(experiment: Experiment, scale: Scale) -> str:
    """Return the name of a table's files at a scale, without an extension."""
    return experiment.name if scale == "desk" else f"{experiment.name}-{scale}"


def collect(request: Request, records: Sequence[Record] | None = None) -> TableResult:
    """Find the records and count the costs of every row of a table.

    Args:
        request: The table, its scale and where its records are.
        records: Of any trials; None reads those in the results folder of the request.

    Raises:
        ValueError: If a record or a passport cannot be read.
    """
    results, experiment = request.runtime.results, request.experiment
    records = record.read_all(results) if records is None else records
    obstacles = {
        claim: comparisons.obstacle(experiment, claim, request.rescale)
        for claim in experiment.claims
    }
    tables = {table.name: table for table in (*request.family, experiment)}
    return TableResult(
        experiment=experiment,
        scale=request.scale,
        base=request.base,
        results=results,
        rows=tuple(_row(row, request, records) for row in experiment.rows),
        obstacles={claim: verdict for claim, verdict in obstacles.items() if verdict},
        family=tuple(
            _compared(comparison, request, records)
            for comparison in comparisons.family(tables.values(), request.rescale)
        ),
    )


def _compared(
    comparison: Comparison, request: Request, records: Sequence[Record]
) -> ComparedRecords:
    first, second = (_fresh_records(row, request, records) for row in comparison.rows)
    return ComparedRecords(comparison=comparison, records=(first, second))


def _fresh_records(row: Row, request: Request, records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the records of a row; none if some were made by other code."""
    own = _records_of(row, request, records)
    return () if any(_is_stale(record, row, request) for record in own) else tuple(own)


def _records_of(row: Row, request: Request, records: Sequence[Record]) -> list[Record]:
    """Return the records of a row by seed; those of an ensemble, where every network has one."""
    networks = [grid.records_of(trial, records, rescale=request.rescale) for trial in row.trials]
    if len(networks) < 2:
        return [record for own in networks for record in own]
    by_seed = [{record.trial["seed"]: record for record in own} for own in networks]
    parts = [[own[seed] for own in by_seed] for seed in set.intersection(*map(set, by_seed))]
    return [
        scores.fuse(request.runtime.results, same_seed)
        for same_seed in sorted(parts, key=lambda parts: int(parts[0].trial["seed"]))
        if len({part.passport for part in same_seed}) == 1
    ]


def _is_stale(record: Record, row: Row, request: Request) -> bool:
    """Return whether other code made a record, or a part of it."""
    return any(
        part.code != code.hashes(request.rescale(trial))
        for part, trial in zip(parts_of(record), row.trials, strict=True)
    )


def metric_of(experiment: Experiment) -> Metric:
    """Return the accuracy that a table compares: `map` if the paper prints that alone."""
    printed = {name for row in experiment.rows for name in row.published}
    return "map" if "map" in printed and "top1" not in printed else "top1"


def _row(row: Row, request: Request, records: Sequence[Record]) -> RowResult:
    trial = request.rescale(row.trial) if row.trial else None
    own = _records_of(row, request, records)
    with blame(request.experiment.name, row.label):
        stale = frozenset(record.key for record in own if _is_stale(record, row, request))
        cost = _cost(row, request)
    return RowResult(
        row=row,
        trial=trial,
        records=tuple(own),
        stale=stale,
        state=_state(row, own, stale) or _state_of_work(row, request, records),
        metric=metric_of(request.experiment),
        cost=cost,
        altered=comparisons.altered(row, request.experiment.ablates, request.rescale),
        changes=_changes(row, request),
    )


def _cost(row: Row, request: Request) -> RowCost | None:
    """Count a row at paper scale, beside its printed costs; on own terms, the network that ran."""
    if request.scale != "own" or row.trial is None:
        return row_cost(row)
    trial, *others = (request.rescale(trial) for trial in row.trials)
    return row_cost(replace(row, trial=trial, ensemble=tuple(others), published={}))


def _changes(row: Row, request: Request) -> str:
    if request.scale != "own" or row.trial is None:
        return ""
    unchanged = SCALES[request.base](row.trial)
    return comparisons.changes_text(
        request.rescale(row.trial), unchanged, lambda path: path != "scale"
    )


def _state(row: Row, records: Sequence[Record], stale: frozenset[str]) -> State | None:
    """Return the state of a row by its specification and records; None for a row without any."""
    if row.trial is None:
        return "quoted"
    if not records:
        return None
    return "stale" if stale else "measured"


def _state_of_work(row: Row, request: Request, records: Sequence[Record]) -> State:
    """Look for work of a row's trials on the local data, or on data that have other records."""
    work = request.runtime.results / "work"
    if not any(work.glob("*")):
        return "not run"
    trials = [request.rescale(trial) for trial in row.trials]
    has_work = any(_has_work(trial, request, records) for trial in trials)
    return "interrupted" if has_work else "not run"


def _has_work(trial: Trial, request: Request, records: Sequence[Record]) -> bool:
    work = request.runtime.results / "work"
    name = trial.data.name
    passports = {record.passport for record in records if record.trial["data"]["name"] == name}
    local = sizes.passport_digest(trial.data, request.runtime.data)
    passports |= {local} if local else set()
    keys = (
        record.trial_key(replace(trial, seed=seed), passport)
        for passport in passports
        for seed in range(MAX_SEEDS)
    )
    return any((work / key).is_dir() for key in keys)
