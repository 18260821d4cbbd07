"""Requests from the words of a command, and printing of what they made."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import experiments
from harness.cli.options import (
    FOLDER,
    ROOT,
    TERMS,
    all_of,
    at_scale,
    given_tables,
    in_data,
    in_results,
    labels,
    named,
    only_rows,
    terms,
    with_seeds,
)
from harness.runtime import Runtime
from harness.specs import Scale

if TYPE_CHECKING:
    from harness.plan.request import Request
    from harness.report.output import TableOutput

FAILED = 1


_request_options = all_of(
    given_tables,
    at_scale,
    only_rows,
    with_seeds,
    in_results,
    in_data,
    click.option("--weights", type=FOLDER, help="Folder of initial weights."),
)


def _written(tables: Sequence[str], **asked: Any) -> list["Request"]:
    """Return the named tables, or all that were written before."""
    from harness.report import build

    requests = _requests(tables, **asked)
    return requests if tables else [each for each in requests if build.is_written(each)]


def _requests(
    tables: Sequence[str],
    *,
    scale: Scale,
    results: Path,
    rows: str = "",
    seeds: int = 1,
    data: Path = ROOT / "data",
    keep_stale: bool = False,
    campaign: str | None = None,
    **machine: Any,
) -> list["Request"]:
    """Turn what was typed into one request per table."""
    chosen = named(tables)
    from harness.plan.request import Request

    asked = {name: machine.pop(name, None) for name in TERMS}
    scale, rescale = terms(scale, data, **asked)
    campaign = campaign or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    runtime = Runtime(results=results, data=data, campaign=campaign, **machine)
    return [
        Request(
            experiment=experiments.load(table),
            scale=scale,
            rescale=rescale,
            rows=labels(rows),
            seeds=seeds,
            keep_stale=keep_stale,
            runtime=runtime,
        )
        for table in chosen
    ]


def _show(outputs: Sequence["TableOutput"]) -> None:
    """Print tables and where their files are."""
    for output in outputs:
        click.echo(f"\n{output.markdown}")
        for path in output.files:
            click.echo(_short(path))


def _short(path: Path) -> str:
    """Shorten a path below the current directory."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _aside(text: str) -> None:
    click.echo(text, err=True)
