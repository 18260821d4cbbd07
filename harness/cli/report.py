"""Commands that show: `harness report`, `figures`, `tradeoff`, `visualize` and `cost`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

import experiments
from experiments.scales import SCALES
from harness.cli.options import (
    as_json,
    at_scale,
    in_data,
    in_results,
    named,
    on_own_terms,
    some_tables,
)
from harness.cli.requests import FAILED, _requests, _short, _show, _written
from harness.record import Record
from harness.runtime import Runtime
from harness.specs import Scale
from harness.utils import atomic
from harness.utils.lookup import check_name

if TYPE_CHECKING:
    from harness.plan.request import Request

DEFAULT = ("table_a", "table_g", "table_h")


@click.command("report")
@some_tables
@at_scale
@on_own_terms
@in_results
@in_data
def write_reports(tables: tuple[str, ...], **asked: Any) -> None:
    """Write tables and figures from the records alone; all, and their page, if none is named."""
    from harness.report import build, publish

    judged = [build.judged(request) for request in _written(tables, **asked)]
    outputs = [build.write(table) for table in judged]
    _show(outputs)
    if not tables and judged:
        page = publish.write(list(zip(judged, outputs, strict=True)))
        click.echo(f"Everything on one page: {_short(page)}")


@click.command("figures")
@some_tables
@at_scale
@in_results
@click.option("--check", "checks", is_flag=True, help="Change no file; fail if one would change.")
def draw_figures(tables: tuple[str, ...], checks: bool, **asked: Any) -> None:
    """Draw figures again from the records alone; all there are if none is named."""
    drawn, moved = redraw(_written(tables, **asked), keep=checks)
    for path in drawn:
        click.echo(f"{_short(path)}{' would change' if path in moved and checks else ''}")
    if moved and checks:
        sys.exit(FAILED)


@click.command("tradeoff")
@some_tables
@at_scale
@in_results
def draw_tradeoff(tables: tuple[str, ...], **asked: Any) -> None:
    """Draw measured accuracy against cost, tables together; (a), (g) and (h) if none is named."""
    requests = _requests(tables or DEFAULT, **asked)
    for path in tradeoff(requests):
        click.echo(_short(path))


@click.command("visualize")
@click.argument("key", metavar="RECORD_KEY")
@click.option("--videos", default="", help="Test videos, ids with commas between.")
@click.option("--against", metavar="RECORD_KEY", help="Whose answers stand beside DSA's.")
@in_data
@in_results
def draw_videos(key: str, **asked: Any) -> None:
    """Draw test videos with the answers of DSA and of an average, and the kernels of DSA.

    Needs the weights that harness run --keep-checkpoints leaves. Without --videos it takes those
    that DSA alone gets right; without --against, the same network without DSA.
    """
    for path in visualize(key, **asked):
        click.echo(_short(path))


@click.command("cost")
@some_tables
@as_json
def show_cost(tables: tuple[str, ...], as_json: bool) -> None:
    """Count parameters and multiply-adds at paper scale, beside what is printed."""
    chosen = named(tables)
    from harness.cost.rows import listing, sentence

    rows = [row for table in chosen for row in listing(experiments.load(table))]
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for row in rows:
        click.echo(sentence(row))


def tradeoff(requests: Sequence["Request"]) -> list[Path]:
    """Draw measured accuracy against cost, the rows of several tables in one figure.

    Raises:
        ValueError: If nothing was measured.
    """
    from harness.data.datasets import desk
    from harness.report import figures
    from harness.report import tradeoff as chart
    from harness.report.results import collect

    results, scale = requests[0].runtime.results, requests[0].scale
    tables = [collect(request) for request in requests if request.experiment.trains]
    groups = chart.measured([row for table in tables for row in table.rows])
    if not groups:
        names = " ".join(request.experiment.name for request in requests)
        raise ValueError(f"{results} has no records of these tables; run: harness run {names}")
    ceilings = desk.CEILINGS if scale == "desk" else {}
    return figures.measured(groups, scale=scale, ceilings=ceilings, results=results)


def redraw(requests: Sequence["Request"], *, keep: bool) -> tuple[list[Path], list[Path]]:
    """Draw the figures of some tables again, and the trade-off if it was drawn before.

    Args:
        requests: The tables.
        keep: Put back what was there.

    Returns:
        All figures, and those that differ from what was there.
    """
    from harness.report import build
    from harness.report.results import collect

    before = {
        path: path.read_bytes()
        for folder in {request.runtime.results / "figures" for request in requests}
        for path in folder.glob("*.*")
    }
    drawn = [path for request in requests for path in build.draw(collect(request))]
    for request in requests[:1]:
        if (request.runtime.results / "figures" / f"{request.scale}-tradeoff.svg").is_file():
            drawn += tradeoff([replace(request, experiment=experiments.load(n)) for n in DEFAULT])
    moved = [path for path in drawn if before.get(path) != path.read_bytes()]
    for path in moved if keep else ():
        atomic.write_atomic(path, before[path]) if path in before else path.unlink()
    return drawn, moved


def visualize(key: str, videos: str, against: str | None, results: Path, data: Path) -> list[Path]:
    """Draw test videos, what DSA and an average of snippets say, and the kernels of DSA."""
    from harness.report import figures
    from harness.report import kernels as look

    dynamic = _record(results, key)
    average = _record(results, against) if against else look.average_of(dynamic, results)
    found = look.scenes(
        dynamic,
        average,
        videos=[name.strip() for name in videos.split(",") if name.strip()],
        command=_training(dynamic, results),
        runtime=Runtime(results=results, data=data),
    )
    return figures.scenes(found, name=f"visualize-{key}", results=results)


def _record(results: Path, key: str) -> Record:
    """Read the record of a key, or say which keys there are."""
    from harness import record

    known = [path.stem for path in (results / "records").glob("*.json")]
    found = record.read(results, check_name(key, known, what="record"))
    assert found is not None
    return found


def _training(dynamic: Record, results: Path) -> str:
    """Return the command that trains a record again and keeps its weights."""
    from harness.plan.grid import records_of

    scale: Scale = dynamic.trial["scale"]
    names = [
        name
        for name in experiments.names()
        if any(
            records_of(row, [dynamic], scale=SCALES[scale]) for row in experiments.load(name).rows
        )
    ]
    seeds = dynamic.trial["seed"] + 1
    table = names[-1] if names else "TABLE"
    words = f"run {table} --scale {scale} --seeds {seeds} --results {quote(str(results))}"
    return f"harness {words} --keep-checkpoints"


COMMANDS = (write_reports, draw_figures, draw_tradeoff, draw_videos, show_cost)
