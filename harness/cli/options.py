"""Arguments and options that commands share, and how they turn what was typed into tables."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

import experiments
from experiments.scales import SCALES, Changes, own
from harness.specs import Scale, Trial
from harness.utils.lookup import check_name

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., Any]

FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)
given_tables = click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
some_tables = click.argument("tables", nargs=-1, metavar="[TABLE]...")
one_row = click.argument("row", metavar="TABLE/ROW")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
in_results = click.option(
    "--results",
    type=FOLDER,
    default=ROOT / "results" / "local",
    show_default="results/local",
    help="Folder of records, tables, figures and the MLflow store.",
)
in_data = click.option(
    "--data",
    type=FOLDER,
    default=ROOT / "data",
    show_default="data",
    help="Folder of the data sets.",
)
at_scale = click.option(
    "--scale",
    type=click.Choice(list(SCALES)),
    default="desk",
    show_default=True,
    help="desk: small networks on generated videos, in minutes; paper: as printed.",
)
with_seeds = click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Trials per row."
)
only_rows = click.option("--rows", default="", help="Only these rows, labels with commas between.")

TERMS = ("on", "epochs", "width", "batch", "crop")


def all_of(*options: Command) -> Command:
    """Return one decorator for several options, in the order in which help lists them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


on_own_terms = all_of(
    click.option("--on", metavar="NAME", help="Another data set that was checked."),
    click.option("--epochs", type=click.IntRange(min=1), help="Drops move in proportion."),
    click.option(
        "--width",
        type=click.FloatRange(min=0, min_open=True),
        help="Share of all channels; no initial weights.",
    ),
    click.option("--batch", type=click.IntRange(min=1), help="Videos; the rate goes with it."),
    # Networks halve a picture five times; torch 2.15 trains wrongly in bfloat16 on less.
    click.option("--crop", type=click.IntRange(min=32), help="Side of every crop, in pixels."),
)


def terms(scale: Scale, data: Path, **asked: Any) -> tuple[Scale, Callable[[Trial], Trial]]:
    """Return a scale by name, and what it does to a trial; `own` where something is changed.

    Args:
        scale: That was asked for.
        data: Folder of the data sets.
        **asked: Each of `TERMS`, None where it was not given.

    Raises:
        ValueError: If terms of one's own change another scale than the paper's, or the data set
            is not there.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if not given:
        return scale, SCALES[scale]
    if scale != "paper":
        raise ValueError(f"--{next(iter(given))} changes a table at paper scale: add --scale paper")
    if "on" in given:
        given["num_classes"] = _num_classes(given["on"], data)
    return "own", own(Changes(**given))


def _num_classes(name: str, root: Path) -> int:
    from harness.data import GENERATED, read_checked_passport

    if name in GENERATED:
        raise ValueError(f"--on {name}: these videos are made for --scale {name} only")
    found = read_checked_passport(name, root)
    videos = [video for split in found.splits.values() for video in split]
    return len(found.classes) or 1 + max(max(video.labels) for video in videos)


def named(tables: Sequence[str]) -> list[str]:
    """Return the tables that were named, or all if none was.

    Raises:
        ValueError: If one does not exist.
    """
    known = experiments.names()
    return [check_name(table, known, what="table") for table in tables] or known


def labels(rows: str) -> tuple[str, ...]:
    """Return what was given to `--rows`; a table knows which commas are part of a label."""
    return (rows.strip(),) if rows.strip() else ()


def _show(what: object) -> None:
    text = what if isinstance(what, str) else json.dumps(what, indent=1, ensure_ascii=False)
    click.echo(text)
