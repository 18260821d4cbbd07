"""Records by their key or by a row, and the command that trains one again."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.scales import SCALES, Changes
from harness import tables as all_tables
from harness.cli.requests import short_path, warn_once
from harness.plan import grid
from harness.plan.workspace import Workspace, find_table_row, option_words
from harness.record import Record, read
from harness.tables import own_names
from harness.utils.lookup import check_name

if TYPE_CHECKING:
    from harness.exchange.places import OwnPlace

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
        words = ["run", all_tables.word(experiment.name), "--rows", row.label]
        words += ["--seeds", str(seed + 1), "--scale", workspace.base]
        words += [*option_words(workspace.changes), "--results", short_path(workspace.results)]
        words += ["--data", short_path(workspace.data)]
        raise ValueError(
            f"{workspace.results} has no record of {experiment.name}/{row.label} with seed {seed} "
            f"at {workspace.scale} scale, {there}; run: {command(words)}"
        )
    return seeds[seed]


def read_record(results: Path, key: str) -> Record:
    """Return the record of a key, or of its first digits.

    Raises:
        ValueError: If no record has the key, or several do, or its network is not known.
    """
    keys = [path.stem for path in (results / "records").glob("*.json")]
    matches = [name for name in keys if len(key) >= _LEAST_DIGITS and name.startswith(key)]
    if len(matches) > 1:
        raise ValueError(f"{key!r} begins several records: {', '.join(sorted(matches))}")
    found = read(results, matches[0] if matches else check_name(key, keys, what="record"))
    assert found is not None
    if unknown := own_names.unknown(found.trial["model"]):
        raise ValueError(
            f"record {found.key} has a network of {unknown[0]}, which no table that is known here "
            "names; add --experiment FILE with the table that does"
        )
    return found


def training_command(finished: Record, results: Path, data: Path) -> str:
    """Return the command that trains a record again and keeps its weights."""
    scale, place = finished.trial["scale"], place_of(finished)
    if place is None and scale not in SCALES:
        return "the command of that run again, with --keep-checkpoints"
    words = ["TABLE", "--scale", scale]
    if place is not None:
        words = [all_tables.word(place.place.table), "--rows", place.place.row, *terms_of(place)]
    words += ["--seeds", str(finished.trial["seed"] + 1), "--results", short_path(results)]
    return command(["run", *words, "--data", short_path(data), "--keep-checkpoints"])


def place_of(finished: Record) -> "OwnPlace | None":
    """Return the row that a record serves, and on which terms; None if no table needs it."""
    from harness.exchange.places import OwnPlace, Places

    places, scale = Places(all_tables.load_all(warn_once)), finished.trial["scale"]
    if scale not in SCALES:
        return next(iter(places.own_places(finished)), None)
    found = (OwnPlace(place=place, base=scale, changes=Changes()) for place in places.of(finished))
    return next(found, None)


def terms_of(place: "OwnPlace") -> list[str]:
    """Return the terms of a row as words of a command line."""
    return ["--scale", place.base, *option_words(place.changes)]


def scoring_words(finished: Record) -> list[str]:
    """Return the row and the terms with which `harness evaluate` builds the network of a record."""
    place = place_of(finished)
    if place is None:
        return ["TABLE/ROW", "--on", "NAME"]
    on = "desk" if place.base == "desk" else finished.trial["data"]["name"]
    changes = Changes(on=on, width=place.changes.width, crop=place.changes.crop)
    table = all_tables.word(place.place.table, with_folder=False)
    return [f"{table}/{place.place.row}", *option_words(changes)]


def command(words: Sequence[str]) -> str:
    """Return a command of the harness that can be pasted into a shell."""
    return f"harness {shlex.join(words)}"


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
