"""The grid of a table: its distinct trials, and the records that some of them have."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harness import record
from harness.experiment import Experiment
from harness.plan import row_lookup
from harness.record import Record, Records
from harness.specs import Trial, as_dict
from harness.tables import blame
from harness.utils import escape

State = Literal["missing", "fresh", "stale"]
Seeds = int | Sequence[int]  # how many, from 0 on, or which ones


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """A trial of a table.

    Attributes:
        table: Name of the experiment.
        rows: Labels of the rows that share it.
        trial: At the scale of the plan, with its seed.
        key: Name of its record.
        state: `missing`, `fresh`, or `stale` if its record was made by other code.
        record: The record, fresh or stale; None if missing.
    """

    table: str
    rows: tuple[str, ...]
    trial: Trial
    key: str
    state: State
    record: Record | None

    @property
    def name(self) -> str:
        """Return the rows and the seed, as progress shows them; of many rows the first."""
        first, *others = self.rows
        rows = f"{first} = {len(others)} more rows" if len(others) > 1 else " = ".join(self.rows)
        return f"{rows}, seed {self.trial.seed}"


def trials(
    experiment: Experiment,
    *,
    rescale: Callable[[Trial], Trial],
    seeds: Seeds,
    passport: Callable[[Trial], str],
    code: Callable[[Trial], Mapping[str, str]],
    results: Path,
) -> list[PlannedTrial]:
    """List the distinct trials of a table, seed by seed so that early results cover all rows.

    Args:
        experiment: The table, at paper scale.
        rescale: Trial at paper scale to the trial that runs.
        seeds: Trials per row, with seeds 0, 1, ...; or their seeds, of every row.
        passport: Trial to the hash of its data.
        code: Trial to the hashes of the definitions that it would run.
        results: Folder that holds `records/`.
    """
    if not experiment.trains:
        return []
    rows: dict[str, dict[str, None]] = {}  # labels, in order; a row may have a trial twice
    trial_of: dict[str, Trial] = {}
    once = run_once(experiment, seeds)
    for place, seed in enumerate(seed_numbers(seeds)):
        for row in experiment.rows:
            if place and row.label in once:
                continue
            for part in row.trials:
                trial = replace(rescale(part), seed=seed)
                key = record.trial_key(trial, passport(trial))
                trial_of[key] = trial
                rows.setdefault(key, {})[row.label] = None
    planned = []
    for key, trial in trial_of.items():
        with blame(experiment.name, next(iter(rows[key]))):
            hashes = code(trial)
        planned.append(_planned(experiment.name, tuple(rows[key]), trial, key, hashes, results))
    return planned


def distinct(planned: Iterable[PlannedTrial]) -> list[PlannedTrial]:
    """Return trials of several tables, one of each key."""
    by_key: dict[str, PlannedTrial] = {}
    for trial in planned:
        by_key.setdefault(trial.key, trial)
    return list(by_key.values())


def run_once(experiment: Experiment, seeds: Seeds) -> list[str]:
    """Return the rows that run with the first seed alone; a list of seeds is for every row."""
    if not experiment.trains or not isinstance(seeds, int) or seeds == 1:
        return []
    return [row.label for row in experiment.rows if row.trial and row.single_seed]


def run_once_text(rows: int) -> str:
    """Return a clause on the rows that run with one seed; nothing if there are none."""
    if not rows:
        return ""
    run = escape.counted(rows, "row") + (" runs" if rows == 1 else " run")
    return (
        f"; {run} with one seed, as no claim on an accuracy needs more (a list of seeds is for all)"
    )


def seed_numbers(seeds: Seeds) -> Sequence[int]:
    """Return the seeds of a row that runs with all of them."""
    return range(seeds) if isinstance(seeds, int) else seeds


def select_rows(experiment: Experiment, rows: Sequence[str]) -> Experiment:
    """Return a table with some of its rows and the claims over these; all if `rows` is empty.

    Raises:
        ValueError: If a name matches no row, or several.
    """
    if not rows:
        return experiment
    labels = {label for text in rows for label in _match_rows(experiment, text)}
    claims = tuple(claim for claim in experiment.claims if set(claim.rows) <= labels)
    selected = tuple(row for row in experiment.rows if row.label in labels)
    return replace(experiment, rows=selected, claims=claims)


def _match_rows(experiment: Experiment, text: str) -> set[str]:
    """Return the label of the row that a text names, or of several rows separated by commas."""
    try:
        return {row_lookup.find_row(experiment, text).label}
    except ValueError:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if len(parts) < 2:
            raise
        return {row_lookup.find_row(experiment, part).label for part in parts}


def _planned(
    table: str,
    rows: tuple[str, ...],
    trial: Trial,
    key: str,
    code: Mapping[str, str],
    results: Path,
) -> PlannedTrial:
    recorded = record.find(results, key)
    state: State = "missing"
    if recorded is not None:
        state = "fresh" if recorded.code == code else "stale"
    return PlannedTrial(table=table, rows=rows, trial=trial, key=key, state=state, record=recorded)


def records_of(
    wanted: Trial, records: Sequence[Record], *, rescale: Callable[[Trial], Trial]
) -> list[Record]:
    """Return the records of a trial at a scale, one per seed, in the order of the seeds.

    Records of different copies of the data are never mixed: only those of the copy used last count.
    """
    known = records if isinstance(records, Records) else Records(records)
    own = known.of(as_dict(rescale(wanted)))
    latest = max(own, key=lambda record: record.finished_ms, default=None)
    same_data = [record for record in own if latest and record.passport == latest.passport]
    return sorted(same_data, key=lambda record: int(record.trial["seed"]))
