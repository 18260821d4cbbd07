"""Records by their key or by a row, and the command that trains one again."""

from pathlib import Path
from shlex import quote

from experiments.scales import SCALES
from harness import tables as all_tables
from harness.cli.requests import warn_once
from harness.plan import grid
from harness.plan.workspace import Workspace, find_table_row
from harness.record import Record, read
from harness.specs import Scale
from harness.utils.lookup import check_name

_LEAST_DIGITS = 4  # of a key


def find_record(target: str, workspace: Workspace, seed: int) -> Record:
    """Return the record of a key, or that of a seed of TABLE/ROW.

    Raises:
        ValueError: If no record is meant, or several are.
    """
    if "/" not in target:
        return read_record(workspace.results, target)
    experiment, row = find_table_row(target)
    if row.trial is None or row.ensemble:
        raise ValueError(
            f"{experiment.name}/{row.label} has no network of its own; name another row"
        )
    records = grid.records_of(row.trial, workspace.records(), rescale=workspace.rescale)
    seeds = {int(record.trial["seed"]): record for record in records}
    if seed not in seeds:
        there = f"only of seed {', '.join(map(str, seeds))}" if seeds else "none"
        raise ValueError(
            f"{workspace.results} has no record of {experiment.name}/{row.label} with seed {seed} "
            f"at {workspace.scale} scale, {there}; run: harness run {experiment.name}"
        )
    return seeds[seed]


def read_record(results: Path, key: str) -> Record:
    """Return the record of a key, or of its first digits.

    Raises:
        ValueError: If no record has the key, or several do.
    """
    keys = [path.stem for path in (results / "records").glob("*.json")]
    matches = [name for name in keys if len(key) >= _LEAST_DIGITS and name.startswith(key)]
    if len(matches) > 1:
        raise ValueError(f"{key!r} begins several records: {', '.join(sorted(matches))}")
    found = read(results, matches[0] if matches else check_name(key, keys, what="record"))
    assert found is not None
    return found


def training_command(finished: Record, results: Path) -> str:
    """Return the command that trains a record again and keeps its weights."""
    scale: Scale = finished.trial["scale"]
    if scale not in SCALES:
        return "the command of that run again, with --keep-checkpoints"
    rows = rows_of(finished)
    table = rows[-1].partition("/")[0] if rows else "TABLE"
    seeds = finished.trial["seed"] + 1
    options = f"--scale {scale} --seeds {seeds} --results {quote(str(results))}"
    return f"harness run {table} {options} --keep-checkpoints"


def rows_of(finished: Record) -> tuple[str, ...]:
    """Return the rows that a record belongs to, as TABLE/ROW; none in a run on own terms."""
    rescale = SCALES.get(finished.trial["scale"])
    return tuple(
        f"{experiment.name}/{row.label}"
        for experiment in all_tables.load_all(warn_once)
        for row in experiment.rows
        if rescale
        and any(grid.records_of(trial, [finished], rescale=rescale) for trial in row.trials)
    )
