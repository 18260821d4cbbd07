"""Rows of a table with their records, accuracies and costs.

Collected once per table; whatever is judged, written, drawn or sent to MLflow afterwards reads
this, and neither looks for records nor decides staleness again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from harness import record
from harness.cost.rows import RowCost, row_cost
from harness.data import sizes
from harness.experiment import Claim, Experiment, Row
from harness.plan import grid
from harness.plan.request import Request
from harness.provenance import code
from harness.record import Record
from harness.specs import Scale, Trial, as_dict
from harness.stats import verdict
from harness.stats.verdict import Interval
from harness.utils.diff import differences, format_value

SEEDS_LOOKED_FOR = 10
State = Literal["quoted", "ensemble", "not run", "interrupted", "stale", "measured"]
Metric = Literal["top1", "map"]


@dataclass(frozen=True, kw_only=True)
class RowResult:
    """A row of a table and what was found of it.

    Attributes:
        row: As specified, at paper scale.
        trial: At the scale of the table; None for a row that quotes other work.
        records: One per seed, in the order of the seeds.
        stale: Keys of the records among them that other code made.
        state: `measured` if every record is fresh; `quoted` and `ensemble` rows have no records.
        metric: The accuracy that the table compares.
        cost: At paper scale; None for a row that quotes other work.
    """

    row: Row
    trial: Trial | None
    records: tuple[Record, ...]
    stale: frozenset[str]
    state: State
    metric: Metric
    cost: RowCost | None

    @property
    def label(self) -> str:
        """Return the label of the row."""
        return self.row.label

    @property
    def values(self) -> tuple[float, ...]:
        """Return the accuracy of each seed, in percent."""
        return tuple(found.metrics[self.metric] for found in self.records)

    @cached_property
    def interval(self) -> Interval | None:
        """Return the mean over seeds with its interval; None without records."""
        return verdict.seed_interval(self.values) if self.records else None

    @property
    def seeds(self) -> set[int]:
        """Return the seeds that have a record."""
        return {int(found.trial["seed"]) for found in self.records}

    @property
    def changed(self) -> str:
        """List what a user changed of the trial; nothing at a named scale."""
        if self.trial is None or self.row.trial is None or self.trial.scale != "own":
            return ""
        changes = differences(as_dict(self.trial), as_dict(self.row.trial))
        return ", ".join(
            f"{change.path} {format_value(change.one)} for {format_value(change.other)}"
            for change in changes
            if change.path != "scale"
        )


@dataclass(frozen=True, kw_only=True)
class TableResult:
    """A table at a scale and what was found of its rows.

    Attributes:
        experiment: The table, at paper scale.
        scale: Of the records.
        results: Folder of records, scores, declared claims, tables and figures.
        rows: In the order of the table.
    """

    experiment: Experiment
    scale: Scale
    results: Path
    rows: tuple[RowResult, ...]

    @property
    def metric(self) -> Metric:
        """Return the accuracy that the table compares."""
        return metric_of(self.experiment)

    @cached_property
    def is_measured(self) -> bool:
        """Whether the table shows accuracies of its own.

        A comparison with other work of which nothing ran is shown as printed, with its costs:
        a column of "not run" beside rows that cannot be run here would say nothing.
        """
        compares = any(result.state == "quoted" for result in self.rows)
        return self.experiment.trains and (not compares or bool(self.records))

    @property
    def shown(self) -> tuple[RowResult, ...]:
        """Return the rows as the table shows them: without records if it is not measured."""
        if self.is_measured:
            return self.rows
        return tuple(replace(row, records=(), stale=frozenset()) for row in self.rows)

    @property
    def records(self) -> list[Record]:
        """Return the distinct records that the table is made from."""
        return list({found.key: found for row in self.rows for found in row.records}.values())

    @property
    def stale(self) -> frozenset[str]:
        """Return the keys of the records that other code made."""
        return frozenset().union(*(row.stale for row in self.rows))

    def of(self, claim: Claim) -> list[RowResult]:
        """Return the rows of a claim, in its order."""
        rows = {result.label: result for result in self.rows}
        return [rows[label] for label in claim.rows]


def collect(request: Request, records: Sequence[Record] | None = None) -> TableResult:
    """Find the records and count the costs of every row of a table.

    Args:
        request: The table, its scale and where its records are.
        records: Of any trials; None reads those of the request.

    Raises:
        ValueError: If a record or a passport cannot be read.
    """
    results = request.runtime.results
    known = record.read_all(results) if records is None else records
    return TableResult(
        experiment=request.experiment,
        scale=request.scale,
        results=results,
        rows=tuple(_row(row, request, known) for row in request.experiment.rows),
    )


def metric_of(experiment: Experiment) -> Metric:
    """Return the accuracy that a table compares: `map` where that alone is printed."""
    printed = {name for row in experiment.rows for name in row.published}
    return "map" if "map" in printed and "top1" not in printed else "top1"


def _row(row: Row, request: Request, records: Sequence[Record]) -> RowResult:
    trial = request.rescale(row.trial) if row.trial else None
    found = grid.records_of(row, records, scale=request.rescale)
    stale = frozenset(
        each.key for each in found if trial and not each.is_made_by(code.hashes(trial))
    )
    return RowResult(
        row=row,
        trial=trial,
        records=tuple(found),
        stale=stale,
        state=_state(row, trial, found, stale, request, records),
        metric=metric_of(request.experiment),
        cost=row_cost(row),
    )


def _state(
    row: Row,
    trial: Trial | None,
    found: Sequence[Record],
    stale: frozenset[str],
    request: Request,
    records: Sequence[Record],
) -> State:
    if trial is None:
        return "quoted"
    if row.ensemble:
        return "ensemble"
    if found:
        return "stale" if stale else "measured"
    return "interrupted" if _was_started(trial, request, records) else "not run"


def _was_started(trial: Trial, request: Request, records: Sequence[Record]) -> bool:
    """Look for the work of a trial on the data that are here, or that records were made on."""
    work = request.runtime.results / "work"
    if not any(work.glob("*")):
        return False
    name = trial.data.name
    passports = {found.passport for found in records if found.trial["data"]["name"] == name}
    here = sizes.passport_digest(trial.data, request.runtime.data)
    passports |= {here} if here else set()
    keys = (
        record.trial_key(replace(trial, seed=seed), passport)
        for passport in passports
        for seed in range(SEEDS_LOOKED_FOR)
    )
    return any((work / key).is_dir() for key in keys)
