"""The command line: `python -m harness`, or `harness`."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import experiments
from experiments.scales import SCALES
from harness import commands_cluster, commands_data, commands_plan
from harness.commands_bench import bench_data, bench_schedule, bench_train
from harness.options import (
    FOLDER,
    ROOT,
    TERMS,
    Command,
    all_of,
    as_json,
    at_scale,
    given_tables,
    in_data,
    in_results,
    labels,
    named,
    on_own_terms,
    only_rows,
    some_tables,
    terms,
    with_seeds,
)
from harness.runtime import Runtime
from harness.specs import Scale
from harness.stopping import Interrupted
from harness.track import TrackingError

if TYPE_CHECKING:
    from harness.request import Request
    from harness.track import Output

FAILED, MISTAKE, INTERRUPTED = 1, 2, 130
EXAMPLES = """\b
Examples:
  harness run table_b                     every row, three seeds, at desk scale
  harness run table_b --seeds 1 --no-ray  one seed, in this process
  harness run table_b --scale paper --on my_videos --epochs 5 --batch 8   on your own terms
  harness plan table_b --scale paper      what would run, what it costs and can decide
  harness explain table_b/II              all that differs from the paper's recipe
  harness cost table_b --json             parameters and multiply-adds of every row
  harness ui                              every run of every table, in MLflow
"""


_request_options = all_of(
    given_tables,
    at_scale,
    only_rows,
    with_seeds,
    in_results,
    in_data,
    click.option("--weights", type=FOLDER, help="Folder of initial weights."),
)


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
            "--gpus-per-trial",
            type=click.FloatRange(min=0),
            default=0,
            show_default=True,
            help="More than a node has make a trial span nodes.",
        ),
        click.option(
            "--ranks",
            type=click.IntRange(min=1),
            help="Processes that share a trial.  [default: one for each of its GPUs, else 1]",
        ),
        click.option("--cpus-per-trial", type=click.IntRange(min=1), default=1, show_default=True),
        click.option("--address", help="A running Ray cluster.  [default: a local one]"),
        click.option("--max-concurrent", type=click.IntRange(min=1), help="Trials at once on Ray."),
        click.option(
            "--max-trials",
            type=click.IntRange(min=1),
            default=1000,
            show_default=True,
            help="Refuse a larger grid.",
        ),
        click.option("--no-ray", is_flag=True, help="Run trials here, one after the other."),
    ):
        command = option(command)
    return command


@click.group(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Reproduce the tables of DSANet (arXiv 2105.12085)."""


for command in (*commands_plan.COMMANDS, *commands_cluster.COMMANDS):
    app.add_command(command)
app.add_command(commands_data.data)
app.add_command(bench_data)
app.add_command(bench_train)
app.add_command(bench_schedule)


@app.command("list")
def list_tables() -> None:
    """List the tables."""
    for name in experiments.names():
        experiment = experiments.load(name)
        click.echo(f"{name}  {experiment.title} ({len(experiment.rows)} rows)")


@app.command("run")
@_request_options
@on_own_terms
@click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path, resolve_path=True),
    help="Check the videos of FOLDER/<class>/ first, then run --on them.",
)
@_run_options
def run_tables(
    tables: tuple[str, ...],
    folder: Path | None,
    no_ray: bool,
    address: str | None,
    cpus_per_trial: int,
    gpus_per_trial: float,
    ranks: int | None,
    max_concurrent: int | None,
    max_trials: int,
    require_tracking: bool,
    **asked: Any,
) -> None:
    """Run what tables still need, then write each one and draw its figure.

    A trial that tables share runs once, a finished one not again; a started one goes on from its
    newest checkpoint. Ctrl-C ends the run after the epochs in progress, a second one at once.
    --on, --epochs, --width, --batch and --crop change a table at paper scale: what it shows is
    then your own, in TABLE-own, and never judged by the printed numbers.
    """
    from rich.console import Console

    from harness import launch, mirror
    from harness.schedule import Resources
    from harness.track import store_uri

    if folder is not None:
        if asked["scale"] != "paper":
            raise click.UsageError("--folder changes a table at paper scale: add --scale paper")
        asked["on"] = commands_data.own(folder, asked["data"], on=asked["on"])
    count = ranks or max(int(gpus_per_trial), 1)
    requests = _requests(tables, threads=max(cpus_per_trial // count, 1), ranks=count, **asked)
    results = requests[0].runtime.results
    tracking = store_uri(results)
    if require_tracking:
        mirror.check(tracking, results=results)
    ray = Resources(
        address=address, cpus=cpus_per_trial, gpus=gpus_per_trial, at_once=max_concurrent
    )
    outcome = launch.run(
        requests,
        resources=None if no_ray else ray,
        tracking=tracking,
        console=Console(file=sys.stdout),
        max_trials=max_trials,
    )
    _show(outcome.outputs)
    click.echo(f"Runs side by side in MLflow: harness ui --results {_short(results)}")
    for event in outcome.failed:
        _aside(f"harness: {event.planned.name} failed: {event.failure}")
    if outcome.code:
        raise Interrupted(outcome.code)
    if outcome.failed:
        sys.exit(FAILED)


@app.command("report")
@some_tables
@at_scale
@on_own_terms
@in_results
@in_data
def write_reports(tables: tuple[str, ...], **asked: Any) -> None:
    """Write tables and figures from the records alone; all, and their page, if none is named."""
    from harness import publish, reproduce

    judged = [reproduce.judged(request) for request in _written(tables, **asked)]
    outputs = [reproduce.write(table) for table in judged]
    _show(outputs)
    if not tables and judged:
        page = publish.write(list(zip(judged, outputs, strict=True)))
        click.echo(f"Everything on one page: {_short(page)}")


@app.command("figures")
@some_tables
@at_scale
@in_results
@click.option("--check", "checks", is_flag=True, help="Change no file; fail if one would change.")
def draw_figures(tables: tuple[str, ...], checks: bool, **asked: Any) -> None:
    """Draw figures again from the records alone; all there are if none is named."""
    from harness import commands_figures

    drawn, moved = commands_figures.redraw(_written(tables, **asked), keep=checks)
    for path in drawn:
        click.echo(f"{_short(path)}{' would change' if path in moved and checks else ''}")
    if moved and checks:
        sys.exit(FAILED)


@app.command("tradeoff")
@some_tables
@at_scale
@in_results
def draw_tradeoff(tables: tuple[str, ...], **asked: Any) -> None:
    """Draw measured accuracy against cost, tables together; (a), (g) and (h) if none is named."""
    from harness import commands_figures

    requests = _requests(tables or commands_figures.DEFAULT, **asked)
    for path in commands_figures.tradeoff(requests):
        click.echo(_short(path))


@app.command("visualize")
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
    from harness import commands_figures

    for path in commands_figures.visualize(key, **asked):
        click.echo(_short(path))


@app.command("cost")
@some_tables
@as_json
def show_cost(tables: tuple[str, ...], as_json: bool) -> None:
    """Count parameters and multiply-adds at paper scale, beside what is printed."""
    chosen = named(tables)
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
@on_own_terms
@in_results
@in_data
@click.option("--checkpoints", is_flag=True, help="Send final weights too, where they were kept.")
def sync_tracking(results: Path, data: Path, checkpoints: bool, **own: Any) -> None:
    """Bring MLflow up to what the records say; runs that are there already stay.

    Given the terms of a run of your own, it sends that run too.
    """
    from harness import record, replay, reproduce, track
    from harness.collect import collect
    from harness.judge import judge

    records = record.read_all(results)
    scale, _ = terms("paper", data, **own)
    scales: list[dict[str, Any]] = [{"scale": scale} for scale in SCALES]
    scales += [{"scale": "paper", **own}] if scale == "own" else []
    collected = (
        collect(request, records)
        for name in experiments.names()
        for asked in scales
        for request in _requests([name], results=results, data=data, **asked)
    )
    written = replay.sync(
        track.store_uri(results),
        ((table, reproduce.write(judge(table))) for table in collected if table.records),
        results=results,
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
    chosen = named(tables)
    from harness.request import Request

    asked = {name: machine.pop(name, None) for name in TERMS}
    scale, shrink = terms(scale, data, **asked)
    campaign = campaign or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    runtime = Runtime(results=results, data=data, campaign=campaign, **machine)
    return [
        Request(
            experiment=experiments.load(table),
            scale=scale,
            shrink=shrink,
            rows=labels(rows),
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
    """Run the command line; a mistake or a full disk is one sentence and a non-zero exit code."""
    try:
        app.main(standalone_mode=False)
    except (click.ClickException, TrackingError, ValueError, OSError) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        _aside(f"harness: {text}")
        sys.exit(MISTAKE)
    except (KeyboardInterrupt, click.Abort) as error:
        _aside("harness: interrupted; the same command goes on from here")
        sys.exit(getattr(error.__cause__ or error, "code", INTERRUPTED))


if __name__ == "__main__":
    main()
