"""The command that runs tables: `harness run`."""

import sys
from pathlib import Path
from typing import Any

import click

from harness.cli.data import own
from harness.cli.options import Command, scale_change_options
from harness.cli.requests import (
    FAILED,
    build_requests,
    print_error,
    print_tables,
    request_options,
    short_path,
)
from harness.schedule.stop import Interrupted


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


@click.command("run")
@request_options
@scale_change_options
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

    from harness import launch
    from harness.schedule.ray.tune import Resources
    from harness.tracking import mirror, store_uri

    if folder is not None:
        if asked["scale"] != "paper":
            raise click.UsageError("--folder changes a table at paper scale: add --scale paper")
        asked["on"] = own(folder, asked["data"], on=asked["on"])
    count = ranks or max(int(gpus_per_trial), 1)
    requests = build_requests(tables, threads=max(cpus_per_trial // count, 1), ranks=count, **asked)
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
    print_tables(outcome.outputs)
    click.echo(f"Runs side by side in MLflow: harness ui --results {short_path(results)}")
    for event in outcome.failed:
        print_error(f"harness: {event.planned.name} failed: {event.failure}")
    if outcome.code:
        raise Interrupted(outcome.code)
    if outcome.failed:
        sys.exit(FAILED)


COMMANDS = (run_tables,)
