"""The command line: `python -m harness`, or `harness`."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import experiments
from experiments.scales import SCALES
from harness.names import check
from harness.runtime import Runtime
from harness.specs import Experiment, Scale
from harness.track import TrackingError

if TYPE_CHECKING:
    from harness.reproduce import Request
    from harness.track import Output

FAILED, MISTAKE, INTERRUPTED = 1, 2, 130
ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = """\b
Examples:
  harness run table_b                     every row, three seeds, at desk scale
  harness run table_b --seeds 1 --no-ray  one seed, in this process
  harness plan table_b                    what would run, and what is recorded
  harness cost table_b --json             parameters and multiply-adds of every row
  harness ui                              every run of every table, in MLflow
"""
Command = Callable[..., Any]

_FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)
given_tables = click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
some_tables = click.argument("tables", nargs=-1, metavar="[TABLE]...")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
in_results = click.option(
    "--results",
    type=_FOLDER,
    default=ROOT / "results" / "local",
    show_default="results/local",
    help="Folder of records, tables, figures and the MLflow store.",
)
at_scale = click.option(
    "--scale",
    type=click.Choice(list(SCALES)),
    default="desk",
    show_default=True,
    help="desk: small networks on generated videos, in minutes; paper: as printed.",
)


def _request_options(command: Command) -> Command:
    for option in (
        click.option("--weights", type=_FOLDER, help="Folder of initial weights."),
        click.option(
            "--data",
            type=_FOLDER,
            default=ROOT / "data",
            show_default="data",
            help="Folder of the data sets.",
        ),
        in_results,
        click.option(
            "--seeds",
            type=click.IntRange(min=1),
            default=3,
            show_default=True,
            help="Trials per row.",
        ),
        click.option("--rows", default="", help="Only these rows, labels with commas between."),
        at_scale,
        given_tables,
    ):
        command = option(command)
    return command


def _run_options(command: Command) -> Command:
    for option in (
        click.option("--keep-checkpoints", is_flag=True, help="Keep those of finished trials."),
        click.option("--require-tracking", is_flag=True, help="Refuse to run without MLflow."),
        click.option("--keep-stale", is_flag=True, help="Count records that other code made."),
        click.option("--campaign", help="Groups this launch in MLflow.  [default: the time]"),
        click.option(
            "--workers",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Loader processes of a trial.",
        ),
        click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:<index>."),
        click.option(
            "--gpus-per-trial", type=click.FloatRange(min=0), default=0, show_default=True
        ),
        click.option("--cpus-per-trial", type=click.IntRange(min=1), default=1, show_default=True),
        click.option("--address", help="A running Ray cluster.  [default: a local one]"),
        click.option("--no-ray", is_flag=True, help="Run trials here, one after the other."),
    ):
        command = option(command)
    return command


@click.group(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Reproduce the tables of DSANet (arXiv 2105.12085)."""


@app.command("list")
def list_tables() -> None:
    """List the tables."""
    for name in experiments.names():
        experiment = experiments.load(name)
        click.echo(f"{name}  {experiment.title} ({len(experiment.rows)} rows)")


@app.command("plan")
@_request_options
@as_json
def plan_tables(tables: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Say which trials tables need and which are recorded; make their data if they are missing."""
    from harness import reproduce

    requests = _requests(tables, **asked)
    listed = reproduce.distinct(requests, progress=reproduce.steps(_aside))
    if as_json:
        rows = [
            {"key": each.key, "state": each.state, "rows": each.rows, "seed": each.trial.seed}
            for each in listed
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    for each in listed:
        click.echo(f"{each.key}  {each.state:7}  {each.name}")
    fresh = sum(each.state == "fresh" for each in listed)
    click.echo(f"{len(listed)} trials, {fresh} recorded, {len(listed) - fresh} to run")


@app.command("run")
@_request_options
@_run_options
def run_tables(
    tables: tuple[str, ...],
    no_ray: bool,
    address: str | None,
    cpus_per_trial: int,
    gpus_per_trial: float,
    require_tracking: bool,
    **asked: Any,
) -> None:
    """Run what tables still need, then write each one and draw its figure.

    A trial that tables share runs once, a finished one not again; a started one goes on from its
    newest checkpoint.
    """
    from rich.console import Console

    from harness import mirror, reproduce
    from harness.schedule import Resources
    from harness.track import store_uri

    requests = _requests(tables, threads=cpus_per_trial, **asked)
    results = requests[0].runtime.results
    tracking = store_uri(results)
    if require_tracking:
        mirror.check(tracking, results=results)
    ray = Resources(address=address, cpus=cpus_per_trial, gpus=gpus_per_trial)
    outputs, failed = reproduce.run(
        requests,
        resources=None if no_ray else ray,
        tracking=tracking,
        console=Console(file=sys.stdout),
    )
    _show(outputs)
    click.echo(f"Runs side by side in MLflow: harness ui --results {_short(results)}")
    for event in failed:
        _aside(f"harness: {event.planned.name} failed: {event.failure}")
    if failed:
        sys.exit(FAILED)


@app.command("report")
@some_tables
@at_scale
@in_results
def write_reports(tables: tuple[str, ...], **asked: Any) -> None:
    """Write tables and figures again from the records alone; all there are if none is named."""
    from harness import reproduce

    _show([reproduce.write(request) for request in _written(tables, **asked)])


@app.command("figures")
@some_tables
@at_scale
@in_results
def draw_figures(tables: tuple[str, ...], **asked: Any) -> None:
    """Draw figures again from the records alone; all there are if none is named."""
    from harness import reproduce

    for request in _written(tables, **asked):
        for path in reproduce.draw(request):
            click.echo(_short(path))


@app.command("cost")
@some_tables
@as_json
def show_cost(tables: tuple[str, ...], as_json: bool) -> None:
    """Count parameters and multiply-adds at paper scale, beside what is printed."""
    chosen = _named(tables)
    from harness import costs

    rows = [row for table in chosen for row in costs.listing(experiments.load(table))]
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for row in rows:
        click.echo(costs.sentence(row))


@app.command("bench")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:<index>.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--pairs",
    type=click.IntRange(min=2),
    default=9,
    show_default=True,
    help="Pairs of runs per ratio.",
)
@click.option(
    "--crop",
    "crop_px",
    type=click.IntRange(min=16),
    default=112,
    show_default=True,
    help="Side of the network's crop, in pixels.",
)
@click.option("--tiny", is_flag=True, help="Tiny shapes, only to see that everything works.")
@as_json
def measure(as_json: bool, **setting: Any) -> None:
    """Measure DSA: the operator against a grouped convolution, a network with and without it."""
    from harness import bench

    measured = bench.run(bench.Setting(**setting), _aside)
    click.echo(json.dumps(measured, indent=1) if as_json else bench.text(measured))


@app.command("sync")
@in_results
@click.option("--checkpoints", is_flag=True, help="Send final weights too, where they were kept.")
def sync_tracking(results: Path, checkpoints: bool) -> None:
    """Bring MLflow up to what the records say; runs that are there already stay."""
    from harness import replay, reproduce, track

    def table(experiment: Experiment, scale: Scale) -> "Output":
        (request,) = _requests([experiment.name], scale=scale, results=results)
        return reproduce.write(request)

    written = replay.sync(
        track.store_uri(results),
        results=results,
        experiments=[experiments.load(name) for name in experiments.names()],
        scales=SCALES,
        tables=table,
        checkpoints=checkpoints,
        progress=click.echo,
    )
    click.echo(f"{written} runs written")


@app.command("ui")
@in_results
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def open_ui(results: Path, port: int) -> None:
    """Serve MLflow on this machine and print the addresses of comparisons and charts."""
    from harness.track import store_uri
    from harness.ui import serve

    sys.exit(serve(results, store_uri(results), port=port, tables=experiments.names()))


def _named(tables: Sequence[str]) -> list[str]:
    known = experiments.names()
    return [check(table, known, what="table") for table in tables] or known


def _written(tables: Sequence[str], **asked: Any) -> list["Request"]:
    """Return the named tables, or all that were written before."""
    from harness import reproduce

    requests = _requests(tables, **asked)
    return requests if tables else [each for each in requests if reproduce.is_written(each)]


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
    chosen = _named(tables)
    from harness.reproduce import Request

    campaign = campaign or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    runtime = Runtime(results=results, data=data, campaign=campaign, **machine)
    return [
        Request(
            experiment=experiments.load(table),
            scale=scale,
            shrink=SCALES[scale],
            rows=tuple(row.strip() for row in rows.split(",") if row.strip()),
            seeds=seeds,
            keep_stale=keep_stale,
            runtime=runtime,
        )
        for table in chosen
    ]


def _show(outputs: Sequence["Output"]) -> None:
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


def main() -> None:
    """Run the command line; a user's mistake is one sentence and a non-zero exit code."""
    try:
        app.main(standalone_mode=False)
    except (click.ClickException, TrackingError, ValueError) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        _aside(f"harness: {text}")
        sys.exit(MISTAKE)
    except (KeyboardInterrupt, click.Abort):
        _aside("harness: interrupted; the same command goes on from here")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
