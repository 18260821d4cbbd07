"""Commands on what networks cost: `harness cost` and `harness zoo`."""

import sys
from collections.abc import Sequence

import click

from harness import tables as all_tables
from harness.cli.options import json_option, optional_tables_argument, print_result
from harness.cli.printing import echo
from harness.cli.requests import FAILED, warn_once, warning_of
from harness.experiment import Experiment
from harness.utils.escape import counted


@click.command("cost")
@optional_tables_argument
@click.option(
    "--check",
    "is_check",
    is_flag=True,
    help="Count once more, with fvcore on real tensors; exit with 1 if the counts differ.",
)
@json_option
def show_cost(tables: tuple[str, ...], is_check: bool, as_json: bool) -> None:
    """Count parameters and multiply-adds at paper scale, beside the printed numbers."""
    warn = warning_of(tables)
    chosen = all_tables.select(tables, warn)
    if is_check:
        if _check(chosen, as_json=as_json):
            sys.exit(FAILED)
        return
    from harness.cost.rows import listing, sentence

    counted = all_tables.each_of(chosen, listing, warn)
    rows = [line for lines in counted for line in lines]
    print_result(rows if as_json else "\n".join(sentence(row) for row in rows))


def _check(tables: Sequence[Experiment], *, as_json: bool) -> bool:
    """Print a second count of every network, as it is made, and return whether one failed."""
    from harness.cost.check import FAILURES, checks, sentence

    rows = []
    for row in (row for table in tables for row in checks(table)):
        rows.append(row)
        if not as_json:
            echo(sentence(row))
    if as_json:
        print_result(rows)
    else:
        failed = sum(row["word"] in FAILURES for row in rows)
        echo(f"{counted(len(rows), 'network')} counted twice: {failed} without agreement")
    return any(row["word"] in FAILURES for row in rows)


@click.command("zoo")
def show_zoo() -> None:
    """Print docs/zoo.md: every network of the comparisons, its cost, its file and its licence."""
    from harness.cost.zoo_page import page

    print_result(page(all_tables.load_all(warn_once)).rstrip("\n"))


COMMANDS = (show_cost, show_zoo)
