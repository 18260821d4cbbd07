"""The command that runs tables: `harness run`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import Command, scale_change_options
from harness.cli.own_videos import check_own_videos
from harness.cli.requests import (
    FAILED,
    build_requests,
    print_error,
    print_tables,
    request_options,
    short_path,
)
from harness.runtime import Runtime
from harness.schedule import devices
from harness.schedule.stop import Interrupted
from harness.tables import load

if TYPE_CHECKING:
    from harness.launch import LaunchResult


def _run_options(command: Command) -> Command:
    for option in (
        click.option(
            "--keep-checkpoints", is_flag=True, help="Keep the checkpoints of finished trials."
        ),
        click.option("--require-tracking", is_flag=True, help="Refuse to run without MLflow."),
        click.option("--keep-stale", is_flag=True, help="Accept records made by other code."),
        click.option("--campaign", help="Groups this launch in MLflow.  [default: the time]"),
        click.option(
            "--workers",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Loader processes *per rank* of a trial: 8 ranks with 8 each have 64.",
        ),
        click.option(
            "--checkpoint-every",
            "checkpoint_every_s",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="Save within epochs as well, so often.",
        ),
        click.option(
            "--compile",
            "compiled",
            is_flag=True,
            help="Train what torch.compile makes of networks.",
        ),
        click.option(
            "--activation-checkpointing",
            is_flag=True,
            help="Less memory: compute the inside of blocks again for gradients.",
        ),
        click.option(
            "--io-retries",
            type=click.IntRange(min=0),
            default=Runtime.io_retries,
            show_default=True,
            help="Further tries after a failure of storage or network that may pass.",
        ),
        click.option(
            "--io-wait",
            "io_wait_s",
            type=click.FloatRange(min=0),
            default=Runtime.io_wait_s,
            show_default=True,
            help="Seconds before each of them.",
        ),
        click.option(
            "--device",
            help="cpu, cuda, cuda:<index>.  [default: cuda on a machine with GPUs, else cpu]",
        ),
        click.option(
            "--gpus-per-trial",
            type=click.FloatRange(min=0),
            help="A trial spans nodes if no node has as many.  [default: one per rank with cuda]",
        ),
        click.option(
            "--ranks",
            type=click.IntRange(min=1),
            help="Processes that share a trial.  [default: one for each of its GPUs, else 1]",
        ),
        click.option("--cpus-per-trial", type=click.IntRange(min=1), default=1, show_default=True),
        click.option("--address", help="A running Ray cluster.  [default: a local one]"),
        click.option(
            "--max-concurrent", type=click.IntRange(min=1), help="Most trials at once on Ray."
        ),
        click.option(
            "--max-trials",
            type=click.IntRange(min=1),
            default=1000,
            show_default=True,
            help="Refuse a larger grid.",
        ),
        click.option("--no-ray", is_flag=True, help="Run trials in this process, one by one."),
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
    gpus_per_trial: float | None,
    ranks: int | None,
    device: str | None,
    max_concurrent: int | None,
    max_trials: int,
    require_tracking: bool,
    **options: Any,
) -> None:
    """Run the trials that tables still need, then write each table and draw its figure.

    A trial that tables share runs once, and a finished one never again; a started one resumes from
    its newest checkpoint. Ctrl-C ends the run after the epochs in progress, a second one at once.
    --on, --width, --batch and --crop change a table at paper scale, --epochs and --lr at any scale,
    --smoke at desk scale: its numbers are then your own, in TABLE-own, and never judged by the
    printed ones.
    """
    if folder is not None:
        if options["scale"] != "paper":
            raise click.UsageError("--folder changes a table at paper scale: add --scale paper")
        options["on"] = check_own_videos(folder, options["data"], on=options["on"])
    for table in tables:
        load(table)  # a mistake is told before PyTorch looks for GPUs
    chosen = devices.choose(
        device=device,
        gpus=gpus_per_trial,
        ranks=ranks,
        on_ray=not no_ray,
        is_remote=address is not None,
    )
    if chosen.note:
        click.echo(chosen.note)
    requests = build_requests(
        tables,
        threads=max(cpus_per_trial // chosen.ranks, 1),
        ranks=chosen.ranks,
        device=chosen.device,
        **options,
    )
    # Imported late: a mistake in the options is reported before PyTorch and Ray are loaded.
    from rich.console import Console

    from harness import launch
    from harness.schedule.ray.tune import Resources
    from harness.tracking import mirror, store_uri

    results = requests[0].runtime.results
    tracking = store_uri(results)
    if require_tracking:
        mirror.check(tracking, results=results)
    ray = Resources(
        address=address, cpus=cpus_per_trial, gpus=chosen.gpus, max_concurrent=max_concurrent
    )
    result = launch.run(
        requests,
        resources=None if no_ray else ray,
        tracking=tracking,
        console=Console(file=sys.stdout),
        max_trials=max_trials,
    )
    print_tables(result.outputs)
    click.echo(f"Compare the runs in MLflow: harness ui --results {short_path(results)}")
    _report_failures(result)


def _report_failures(result: "LaunchResult") -> None:
    """Print why trials failed, and end the process if some did or a stop was requested."""
    for event in result.failed:
        print_error(f"harness: {event.planned.name} failed: {event.failure}")
    if result.code:
        raise Interrupted(result.code)
    if result.failed:
        sys.exit(FAILED)


COMMANDS = (run_tables,)
