"""The command that runs tables: `harness run`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from harness import tables as all_tables
from harness.cli.data.own_videos import check_own_videos
from harness.cli.options import json_option, print_result, scale_change_options
from harness.cli.printing import echo
from harness.cli.requests import (
    FAILED,
    build_requests,
    leave_out,
    path_word,
    print_error,
    print_tables,
    request_options,
    tables_as_json,
)
from harness.cli.run_options import (
    SINKS,
    device_options,
    loader_options,
    record_options,
    schedule_options,
    sink_options,
    training_options,
)
from harness.schedule import devices
from harness.schedule.devices import Devices
from harness.schedule.stop import Interrupted

if TYPE_CHECKING:
    from harness.launch.result import LaunchResult
    from harness.plan.request import Request

_SCHEDULE = (
    "address",
    "cpus_per_trial",
    "max_concurrent",
    "max_trials",
    "no_ray",
    "require_tracking",
    "shard",
    *SINKS,
)


@click.command("run")
@request_options
@scale_change_options
@click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path, resolve_path=True),
    help="Check the videos of FOLDER/<class>/ first, then run --on them.",
)
@record_options
@sink_options
@training_options
@loader_options
@device_options
@schedule_options
@json_option
def run_tables(tables: tuple[str, ...], folder: Path | None, as_json: bool, **options: Any) -> None:
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
        options["on"] = check_own_videos(
            folder, options["data"], on=options["on"], is_error=as_json
        )
    chosen_tables = all_tables.select(tables, leave_out)  # mistakes first, PyTorch after them
    schedule = {name: options.pop(name) for name in _SCHEDULE}
    _check_shard(schedule)
    chosen = _choose_devices(options, schedule)
    if chosen.note:
        echo(chosen.note, is_error=as_json)
    requests = build_requests(
        [table.name for table in chosen_tables],
        threads=max(schedule["cpus_per_trial"] // chosen.ranks, 1),
        ranks=chosen.ranks,
        device=chosen.device,
        **options,
    )
    result = _launch(requests, chosen, schedule, sys.stderr if as_json else sys.stdout)
    if as_json:
        failed = {event.planned.name: str(event.failure) for event in result.failed}
        print_result({"tables": tables_as_json(result.outputs), "failed": failed})
    else:
        print_tables(result.outputs)
        results = requests[0].runtime.results
        echo(f"Compare the runs in MLflow:\n  harness ui --results {path_word(results)}")
    _report_failures(result)


def _check_shard(schedule: Mapping[str, Any]) -> None:
    """Refuse options of Ray beside `--shard`."""
    for name in ("address", "max_concurrent"):
        if schedule["shard"] is not None and schedule[name] is not None:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"--shard runs its trials without Ray: leave out {option}")


def _choose_devices(options: dict[str, Any], schedule: Mapping[str, Any]) -> Devices:
    """Take the options of devices out of all options, and complete them."""
    return devices.choose(
        device=options.pop("device"),
        gpus=options.pop("gpus_per_trial"),
        ranks=options.pop("ranks"),
        on_ray=_is_on_ray(schedule),
        is_remote=schedule["address"] is not None,
    )


def _is_on_ray(schedule: Mapping[str, Any]) -> bool:
    return not schedule["no_ray"] and schedule["shard"] is None


def _launch(
    requests: Sequence["Request"], chosen: Devices, schedule: Mapping[str, Any], output: TextIO
) -> "LaunchResult":
    """Launch the requests, with progress on `output`.

    Imports are late: a mistake in the options is reported before PyTorch and Ray are loaded.
    """
    from rich.console import Console

    from harness import launch
    from harness.schedule.ray.tune import Resources
    from harness.tracking import mirror, sinks, store_uri

    results = requests[0].runtime.results
    tracking = store_uri(results)
    further = sinks.addresses(**{kind: schedule[kind] for kind in SINKS})
    if schedule["require_tracking"]:
        mirror.check(tracking, results=results)
    ray = Resources(
        address=schedule["address"],
        cpus=schedule["cpus_per_trial"],
        gpus=chosen.gpus,
        max_concurrent=schedule["max_concurrent"],
    )
    return launch.run(
        requests,
        resources=ray if _is_on_ray(schedule) else None,
        tracking=tracking,
        console=Console(file=output),
        sinks=further,
        max_trials=schedule["max_trials"],
        shard=schedule["shard"],
    )


def _report_failures(result: "LaunchResult") -> None:
    """Print why trials failed, and end the process if a part of the run is missing."""
    for event in result.failed:
        print_error(f"harness: {event.planned.name} failed: {event.failure}")
    if result.code:
        raise Interrupted(result.code)
    if result.failed or result.left_out:
        sys.exit(FAILED)


COMMANDS = (run_tables,)
