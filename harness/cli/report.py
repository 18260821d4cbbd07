"""Commands that show results: `harness report`, `figures`, `tradeoff` and `visualize`."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from experiments.scales import SCALES
from harness import tables as all_tables
from harness.cli.options import (
    data_option,
    optional_tables_argument,
    results_option,
    scale_change_options,
    scale_option,
)
from harness.cli.requests import (
    FAILED,
    build_requests,
    experiment_option,
    print_tables,
    requests_of_written_tables,
    short_path,
    warn_once,
    warning_of,
)
from harness.record import Record, read, read_all
from harness.runtime import ROOT, Runtime
from harness.specs import Scale
from harness.tables import Warn
from harness.utils import atomic
from harness.utils.lookup import check_name

if TYPE_CHECKING:
    from harness.plan.request import Request

TRADEOFF_TABLES = ("table_a", "table_g", "table_h")


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
def write_reports(tables: tuple[str, ...], parquet: bool | None, **options: Any) -> None:
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
    print_tables(outputs)
    if not tables and judged:
        page = build.write_page(list(zip(judged, outputs, strict=True)))
        click.echo(f"Everything on one page: {short_path(page)}")
    is_own = results != ROOT / "results"
    if (is_own if parquet is None else parquet) and (results / "records").is_dir():
        click.echo(short_path(write_parquet(results, records, all_tables.load_all(warn_once))))


@click.command("figures")
@optional_tables_argument
@scale_option
@results_option
@click.option(
    "--check", "is_check", is_flag=True, help="Change no file; exit with 1 if one would change."
)
def draw_figures(tables: tuple[str, ...], is_check: bool, **options: Any) -> None:
    """Draw figures from existing records; without TABLE, those of all written tables."""
    requests = requests_of_written_tables(tables, **options)
    paths, changed = redraw(requests, is_check=is_check, warn=warning_of(tables))
    for path in paths:
        click.echo(f"{short_path(path)}{' would change' if path in changed and is_check else ''}")
    for path in (path for path in changed if path not in paths):
        click.echo(f"{short_path(path)} {'would be ' if is_check else ''}removed")
    if changed and is_check:
        sys.exit(FAILED)


@click.command("tradeoff")
@optional_tables_argument
@scale_option
@results_option
def draw_tradeoff(tables: tuple[str, ...], **options: Any) -> None:
    """Draw measured accuracy against cost of several tables; by default (a), (g) and (h)."""
    requests = build_requests(tables or TRADEOFF_TABLES, **options)
    for path in tradeoff(requests, warn=warning_of(tables)):
        click.echo(short_path(path))


@click.command("visualize")
@experiment_option
@click.argument("key", metavar="RECORD_KEY")
@click.option(
    "--videos",
    default="",
    help="Ids of test videos, separated by commas.  [default: those that DSA alone gets right]",
)
@click.option(
    "--against",
    metavar="RECORD_KEY",
    help="Record to compare with.  [default: the same network without DSA]",
)
@data_option
@results_option
def draw_videos(key: str, **options: Any) -> None:
    """Draw test videos with predictions and the kernels of DSA.

    Needs the weights of the record, which harness run --keep-checkpoints keeps.
    """
    for path in visualize(key, **options):
        click.echo(short_path(path))


_LEAST_DIGITS = 4  # of a key


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
    groups = measured_points([row for table in tables for row in table.rows])
    if not groups:
        names = " ".join(request.experiment.name for request in requests)
        raise ValueError(f"{results} has no records of these tables; run: harness run {names}")
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


def visualize(key: str, videos: str, against: str | None, results: Path, data: Path) -> list[Path]:
    """Draw test videos with the predictions of two records, and the kernels of the first."""
    from harness.report import figures
    from harness.report.kernels import collect_examples, find_baseline

    dsa = read_record(results, key)
    baseline = read_record(results, against) if against else find_baseline(dsa, results)
    examples = collect_examples(
        dsa,
        baseline,
        videos=[name.strip() for name in videos.split(",") if name.strip()],
        command=training_command(dsa, results),
        runtime=Runtime(results=results, data=data),
    )
    return figures.examples(examples, name=f"visualize-{key}", results=results)


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
    from harness.plan.grid import records_of

    rescale = SCALES.get(finished.trial["scale"])
    return tuple(
        f"{experiment.name}/{row.label}"
        for experiment in all_tables.load_all(warn_once)
        for row in experiment.rows
        if rescale and any(records_of(trial, [finished], rescale=rescale) for trial in row.trials)
    )


COMMANDS = (write_reports, draw_figures, draw_tradeoff, draw_videos)
