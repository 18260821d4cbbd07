"""Requests from the options of a command, and printed output of tables."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from harness import tables as all_tables
from harness.cli.options import (
    SCALE_CHANGES,
    all_of,
    data_option,
    print_result,
    results_option,
    row_labels,
    rows_option,
    scale_option,
    seeds_option,
    select_scale,
    tables_argument,
    weights_option,
)
from harness.cli.printing import echo
from harness.experiment import Experiment
from harness.plan.grid import Seeds
from harness.runtime import Runtime, default_data
from harness.specs import Scale, recordable
from harness.tables import own_tables
from harness.utils import escape, own_code
from harness.utils.redaction import hide_known, redact

if TYPE_CHECKING:
    from harness.plan.request import Request
    from harness.report.output import TableOutput

FAILED = 1
LEFT_OUT, _WARNED = "harness.left_out", "harness.warned"  # keys of the context of a command


def leave_out(text: str) -> None:
    """Print that a table which the user named is left out; the exit code is then not 0."""
    _of_command(LEFT_OUT).add(text)
    warn_once(text)


def warn_once(text: str) -> None:
    """Print a sentence on standard error, unless this command has printed it."""
    warned = _of_command(_WARNED)
    if text not in warned:
        warned.add(text)
        print_error(text)


def _of_command(name: str) -> set[str]:
    """Return sentences that the command in progress keeps; an empty set outside of commands."""
    context = click.get_current_context(silent=True)
    kept: set[str] = set() if context is None else context.meta.setdefault(name, set())
    return kept


def warning_of(tables: Sequence[str]) -> all_tables.Warn:
    """Return how a command says that a table is broken: one that was named, or any."""
    return leave_out if tables else warn_once


def _open_tables(_: click.Context, __: click.Parameter, files: tuple[str, ...]) -> None:
    """Make tables known to a command, before it looks any up."""
    for file in files:
        if not own_tables.is_path(file):
            raise click.BadParameter(f"{file!r} is not a Python file, such as ./my_table.py")
        all_tables.load(file)


experiment_option = click.option(
    "--experiment",
    multiple=True,
    expose_value=False,
    is_eager=True,
    callback=_open_tables,
    metavar="FILE",
    help="Know the table of this Python file too; repeatable.",
)


request_options = all_of(
    tables_argument,
    scale_option,
    rows_option,
    seeds_option,
    results_option,
    data_option,
    weights_option,
)


def requests_of_written_tables(tables: Sequence[str], **options: Any) -> list["Request"]:
    """Return one request per table; if `tables` is empty, per table that was written before."""
    from harness.report import build

    requests = build_requests(tables, **options)
    return requests if tables else [request for request in requests if build.is_written(request)]


def _name_campaign(given: str) -> str:
    """Return the name of a campaign as records hold it: the time without one."""
    try:
        recordable(given)
    except ValueError as error:
        raise click.UsageError(f"--campaign {error}") from None
    return hide_known(given) or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build_requests(
    tables: Sequence[str],
    *,
    scale: Scale,
    results: Path,
    rows: str = "",
    seeds: Seeds = 1,
    data: Path | None = None,
    keep_stale: bool = False,
    campaign: str | None = None,
    **machine: Any,
) -> list["Request"]:
    """Return one request per table from the options of a command."""
    chosen = all_tables.select(tables, warning_of(tables))
    from harness.plan.comparisons import families
    from harness.plan.request import Request

    changes = {name: machine.pop(name, None) for name in SCALE_CHANGES}
    data = data or default_data()
    terms = select_scale(scale, data, **changes)
    runtime = Runtime(
        results=results,
        data=data,
        campaign=_name_campaign(campaign or ""),
        own_code=own_code.export(),
        **machine,
    )
    # A run on one's own terms stands for itself.
    corrected = () if terms.scale == "own" else _corrected(chosen, is_all=not tables)
    family = families(chosen, corrected, terms.rescale)
    return [
        Request(
            experiment=experiment,
            scale=terms.scale,
            base=terms.base,
            rescale=terms.rescale,
            rows=row_labels(rows),
            seeds=seeds,
            keep_stale=keep_stale,
            runtime=runtime,
            family=family[experiment.name],
        )
        for experiment in chosen
    ]


def _corrected(chosen: Sequence[Experiment], *, is_all: bool) -> tuple[Experiment, ...]:
    """Return all tables, whose comparisons are corrected together; warn once of broken ones."""
    return tuple(chosen) if is_all else all_tables.load_all(warn_once)


def print_tables(outputs: Sequence["TableOutput"]) -> None:
    """Print tables and the paths of their files."""
    for output in outputs:
        echo(f"\n{output.markdown}")
        for path in output.files:
            click.echo(short_path(path))


def tables_as_json(outputs: Sequence["TableOutput"]) -> list[dict[str, Any]]:
    """Return tables with their verdicts, claims and files, as JSON holds them."""
    return [
        {
            "files": [str(path) for path in output.files],
            "markdown": output.markdown,
            "verdicts": dict(output.verdicts),
            "claims": list(output.claims),
            "stale": sorted(output.stale),
        }
        for output in outputs
    ]


def print_paths(paths: Sequence[Path], *, as_json: bool) -> None:
    """Print written files: their paths as lines, or as JSON."""
    if as_json:
        print_result({"files": [str(path) for path in paths]})
        return
    for path in paths:
        click.echo(short_path(path))


def path_word(path: Path) -> str:
    """Return the word of a command line that names a path, shortened below the current folder."""
    return quote(short_path(path))


def short_path(path: Path) -> str:
    """Shorten a path below the current directory."""
    current = Path.cwd()
    shown = path.relative_to(current) if path.is_relative_to(current) else path
    return escape.visible(str(shown))


def print_error(text: str) -> None:
    """Print text on standard error, without secrets and control characters."""
    echo(redact(text), is_error=True)
