"""Arguments and options that commands share, and how they turn what was typed into tables."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

import experiments
from experiments.scales import SCALES
from harness.names import check

ROOT = Path(__file__).resolve().parents[1]
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


def all_of(*options: Command) -> Command:
    """Return one decorator for several options, in the order in which help lists them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def named(tables: Sequence[str]) -> list[str]:
    """Return the tables that were named, or all if none was.

    Raises:
        ValueError: If one does not exist.
    """
    known = experiments.names()
    return [check(table, known, what="table") for table in tables] or known


def labels(rows: str) -> tuple[str, ...]:
    """Split what was given to `--rows`."""
    return tuple(row.strip() for row in rows.split(",") if row.strip())
