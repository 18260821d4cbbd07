"""Rows of a table with their records, accuracies and costs, as `harness.report.collect` finds them.

Verdicts, files, figures and MLflow runs are made from these values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from harness import record
from harness.cost.rows import RowCost
from harness.experiment import Claim, Experiment, Row
from harness.plan.comparisons import Comparison
from harness.record import Record, parts_of
from harness.specs import Scale, Trial
from harness.stats import verdict
from harness.stats.verdict import Interval, Verdict

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
            other work, or has not run on own terms.
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
        faults: A sentence on each file that is no record and was set aside.
    """

    experiment: Experiment
    scale: Scale
    results: Path
    rows: tuple[RowResult, ...]
    obstacles: Mapping[Claim, Verdict]
    family: tuple[ComparedRecords, ...]
    base: Scale = "paper"
    faults: tuple[str, ...] = ()

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


def metric_of(experiment: Experiment) -> Metric:
    """Return the accuracy that a table compares: `map` if that alone is printed."""
    printed = {name for row in experiment.rows for name in row.published}
    return "map" if "map" in printed and "top1" not in printed else "top1"


def drawn_rows(rows: Iterable[RowResult]) -> dict[str, RowResult]:
    """Return the rows of a figure by label: those with a network, each set of records once."""
    alike: dict[object, list[RowResult]] = {}
    for result in rows:
        if result.trial is not None:
            keys = tuple(record.key for record in result.records)
            alike.setdefault(keys or result.label, []).append(result)
    return {
        first.label + (f" and {len(others)} more" if others else ""): first
        for first, *others in alike.values()
    }
