"""From a table to the distinct trials that it needs, and which of them have a record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harness import record
from harness.experiment import Experiment, Row
from harness.plan import row_lookup
from harness.record import Record
from harness.specs import Trial, as_dict

State = Literal["missing", "fresh", "stale"]


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """A trial of a table.

    Attributes:
        table: Name of the experiment.
        rows: Labels of the rows that it serves.
        trial: At the scale and with the seed that will run.
        key: Name of its record.
        state: `missing`, `fresh`, or `stale`: there is a record, made by other code.
        record: What is there.
    """

    table: str
    rows: tuple[str, ...]
    trial: Trial
    key: str
    state: State
    record: Record | None

    @property
    def name(self) -> str:
        """Say which trial this is, in a line of progress."""
        return f"{' = '.join(self.rows)}, seed {self.trial.seed}"


def trials(
    experiment: Experiment,
    *,
    scale: Callable[[Trial], Trial],
    seeds: int,
    passport: Callable[[Trial], str],
    code: Callable[[Trial], Mapping[str, str]],
    results: Path,
) -> list[PlannedTrial]:
    """List the distinct trials of a table, seed by seed so that early results cover all rows.

    Args:
        experiment: The table, at paper scale.
        scale: What shrinks.
        seeds: Trials per row, with seeds 0, 1, ...
        passport: Trial to the hash of its data.
        code: Trial to the hashes of the modules that it would run.
        results: Folder that holds `records/`.
    """
    if not experiment.trains:
        return []
    rows: dict[str, list[str]] = {}
    chosen: dict[str, Trial] = {}
    for seed in range(seeds):
        for row in experiment.rows:
            if row.trial is not None and not row.ensemble:
                trial = replace(scale(row.trial), seed=seed)
                key = record.trial_key(trial, passport(trial))
                chosen[key] = trial
                rows.setdefault(key, []).append(row.label)
    return [
        _planned(experiment.name, tuple(rows[key]), trial, key, code(trial), results)
        for key, trial in chosen.items()
    ]


def select_rows(experiment: Experiment, rows: Sequence[str]) -> Experiment:
    """Return a table with the rows that were named, all if none was, and the claims of these.

    Raises:
        ValueError: If a name fits no row, or several.
    """
    chosen = {label for each in rows for label in _named(experiment, each)}
    kept = tuple(row for row in experiment.rows if not rows or row.label in chosen)
    labels = {row.label for row in kept}
    claims = tuple(claim for claim in experiment.claims if set(claim.rows) <= labels)
    return replace(experiment, rows=kept, claims=claims)


def _named(experiment: Experiment, text: str) -> set[str]:
    """Return the row that a text names, or the rows that it names with commas between."""
    try:
        return {row_lookup.row(experiment, text).label}
    except ValueError:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if len(parts) < 2:
            raise
        return {row_lookup.row(experiment, part).label for part in parts}


def _planned(
    table: str,
    rows: tuple[str, ...],
    trial: Trial,
    key: str,
    code: Mapping[str, str],
    results: Path,
) -> PlannedTrial:
    found = record.read(results, key)
    state: State = "missing"
    if found is not None:
        state = "fresh" if found.is_made_by(code) else "stale"
    return PlannedTrial(table=table, rows=rows, trial=trial, key=key, state=state, record=found)


def records_of(
    row: Row, records: Sequence[Record], *, scale: Callable[[Trial], Trial]
) -> list[Record]:
    """Return the records of a row at a scale, one per seed, in the order of the seeds.

    Records made on several copies of the data never mix: those on the copy used last count. A row
    of several networks has none: nothing here averages their scores.
    """
    if row.trial is None or row.ensemble:
        return []
    wanted = as_dict(scale(row.trial)) | {"seed": None}
    found = [each for each in records if dict(each.trial) | {"seed": None} == wanted]
    latest = max(found, key=lambda each: each.finished_ms, default=None)
    kept = [each for each in found if latest and each.passport == latest.passport]
    return sorted(kept, key=lambda each: int(each.trial["seed"]))
