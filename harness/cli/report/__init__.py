"""Commands that write results: `harness report`, `figures`, `tradeoff` and `visualize`."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from harness import tables as all_tables
from harness.cli.options import (
    data_option,
    json_option,
    optional_tables_argument,
    print_result,
    results_option,
    scale_change_options,
    scale_option,
)
from harness.cli.requests import (
    FAILED,
    build_requests,
    experiment_option,
    path_word,
    print_paths,
    print_tables,
    requests_of_written_tables,
    short_path,
    tables_as_json,
    warn_once,
    warning_of,
)
from harness.record import read_all
from harness.runtime import ROOT
from harness.tables import Warn
from harness.utils import atomic

if TYPE_CHECKING:
    from harness.plan.request import Request

TRADEOFF_TABLES = ("table_a", "table_g", "table_h", "dsa_hosts")


@click.command("report")
@experiment_option
@optional_tables_argument
@scale_option
@scale_change_options
@results_option
@data_option
@click.option(
    "--parquet/--no-parquet",
    default=None,
    help="Write the trials as trials.parquet.  [default: in a folder that git does not track]",
)
@json_option
def write_reports(
    tables: tuple[str, ...], parquet: bool | None, as_json: bool, **options: Any
) -> None:
    """Write tables and figures from existing records; without TABLE, all written before.

    Without TABLE, it also writes the page of all tables.
    """
    from harness.exchange.trial_frame import write_parquet
    from harness.report import build

    requests, results = requests_of_written_tables(tables, **options), options["results"]
    records = read_all(results)
    judge = partial(build.collect_and_judge, records=records)
    judged = list(all_tables.each_of(requests, judge, warning_of(tables)))
    outputs = [build.write(table) for table in judged]
    if not as_json:
        print_tables(outputs)
    page = trials = None
    if not tables and judged:
        page = build.write_page(list(zip(judged, outputs, strict=True)))
    is_own = results != ROOT / "results"
    if (is_own if parquet is None else parquet) and (results / "records").is_dir():
        trials = write_parquet(results, records, all_tables.load_all(warn_once))
    if as_json:
        files = {"page": page and str(page), "trials": trials and str(trials)}
        print_result({"tables": tables_as_json(outputs), **files})
        return
    if page:
        click.echo(f"Everything on one page: {short_path(page)}")
    if trials:
        click.echo(short_path(trials))


@click.command("figures")
@optional_tables_argument
@scale_option
@results_option
@click.option(
    "--check", "is_check", is_flag=True, help="Change no file; exit with 1 if one would change."
)
@json_option
def draw_figures(tables: tuple[str, ...], is_check: bool, as_json: bool, **options: Any) -> None:
    """Draw figures from existing records; without TABLE, those of all written tables."""
    requests = requests_of_written_tables(tables, **options)
    paths, changed = redraw(requests, is_check=is_check, warn=warning_of(tables))
    removed = [path for path in changed if path not in paths]
    if as_json:
        lists = {"files": paths, "changed": changed, "removed": removed}
        print_result({name: list(map(str, found)) for name, found in lists.items()})
    else:
        _print_figures(paths, changed, removed, is_check=is_check)
    if changed and is_check:
        sys.exit(FAILED)


def _print_figures(
    paths: Sequence[Path], changed: Sequence[Path], removed: Sequence[Path], *, is_check: bool
) -> None:
    for path in paths:
        click.echo(f"{short_path(path)}{' would change' if path in changed and is_check else ''}")
    for path in removed:
        click.echo(f"{short_path(path)} {'would be ' if is_check else ''}removed")


@click.command("tradeoff")
@optional_tables_argument
@scale_option
@results_option
@json_option
def draw_tradeoff(tables: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Draw measured accuracy against cost of several tables; else (a), (g), (h) and dsa_hosts."""
    requests = build_requests(tables or TRADEOFF_TABLES, **options)
    print_paths(tradeoff(requests, warn=warning_of(tables)), as_json=as_json)


def tradeoff(requests: Sequence["Request"], *, warn: Warn = warn_once) -> list[Path]:
    """Draw measured accuracy against cost, the rows of several tables in one figure.

    Raises:
        ValueError: If the tables have no records.
    """
    from harness.report import build, figures
    from harness.report.collect import collect
    from harness.report.tradeoff import measured_points

    results, scale = requests[0].runtime.results, requests[0].scale
    trained = [request for request in requests if request.experiment.trains]
    tables = list(all_tables.each_of(trained, partial(collect, records=read_all(results)), warn))
    groups = measured_points(tables)
    if not groups:
        names = (all_tables.word(request.experiment.name) for request in requests)
        words = ["harness run", *map(quote, names)]
        words += ["--scale", requests[0].base, "--results", path_word(results)]
        raise ValueError(f"{results} has no records of these tables; run: {' '.join(words)}")
    return figures.measured_tradeoff(
        groups, scale=scale, ceilings=build.ceilings(scale), results=results
    )


def redraw(
    requests: Sequence["Request"], *, is_check: bool, warn: Warn = warn_once
) -> tuple[list[Path], list[Path]]:
    """Draw the figures of tables of one results folder again, and the trade-off if it was drawn.

    A check puts back the previous files afterwards.

    Returns:
        All figures, and those that differ from the previous files, with the files removed since
        their table has no such figure any more.
    """
    from harness.report import build
    from harness.report.collect import collect

    if not requests:
        return [], []
    results = requests[0].runtime.results
    before = {
        path: path.read_bytes()
        for path in (results / "figures").glob("*.*")
        if not path.name.startswith(".")  # a piece of a write that goes on
    }
    tables = list(all_tables.each_of(requests, partial(collect, records=read_all(results)), warn))
    paths = [path for table in tables for path in build.draw(table)]
    if (results / "figures" / f"{requests[0].scale}-tradeoff.svg").is_file():
        charted = [all_tables.load(name) for name in TRADEOFF_TABLES]
        paths += tradeoff([replace(requests[0], experiment=table) for table in charted])
    changed = [path for path in paths if before.get(path) != path.read_bytes()]
    changed += sorted(path for path in before if not path.exists())
    for path in changed if is_check else ():
        atomic.write_atomic(path, before[path]) if path in before else path.unlink()
    return paths, changed


COMMANDS = (write_reports, draw_figures, draw_tradeoff)
