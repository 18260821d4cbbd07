"""The MLflow commands: `harness sync` and `harness ui`."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from experiments.scales import SCALES
from harness import tables as all_tables
from harness.cli.options import (
    data_option,
    json_option,
    print_result,
    results_option,
    scale_change_options,
    select_scale,
)
from harness.cli.printing import echo
from harness.cli.requests import build_requests, experiment_option, warn_once
from harness.cli.run_options import sink_options
from harness.utils.escape import counted

if TYPE_CHECKING:
    from harness.plan.request import Request
    from harness.record import Record


@click.command("sync")
@experiment_option
@scale_change_options
@results_option
@data_option
@click.option("--checkpoints", is_flag=True, help="Send final weights too, where they were kept.")
@sink_options
@json_option
def sync_tracking(
    results: Path,
    data: Path,
    checkpoints: bool,
    tensorboard: Path | None,
    wandb: str | None,
    as_json: bool,
    **own: Any,
) -> None:
    """Send every record to MLflow; runs that are already there stay.

    Tables and figures in the results folder stay as they are: harness report writes them. With the
    options of a run on your own terms, send that run too.
    """
    from harness import record
    from harness.report import build
    from harness.tracking import sinks, store_uri
    from harness.tracking.sync import sync

    also = sinks.addresses(tensorboard=tensorboard, wandb=wandb)
    records = record.read_all(results)
    scale = select_scale("paper", data, **own).scale
    requests = _requests(results, data, own if scale == "own" else None)
    tables = all_tables.each_of(
        requests, partial(build.collect_and_judge, records=records), warn_once
    )
    with TemporaryDirectory(prefix="harness-sync-") as folder:
        num_runs = sync(
            store_uri(results),
            (
                (judged.table, build.write(judged, Path(folder)))
                for judged in tables
                if judged.table.records
            ),
            results=results,
            also=also,
            checkpoints=checkpoints,
            progress=partial(click.echo, err=as_json),
        )
    _warn_of_own_terms(records, scale)
    print_result({"runs": num_runs} if as_json else f"{counted(num_runs, 'run')} written")


def _requests(results: Path, data: Path, own: Mapping[str, Any] | None) -> list["Request"]:
    """Return a request per table and scale, that of a user's own terms too, by table."""
    scales: list[dict[str, Any]] = [{"scale": scale} for scale in SCALES]
    scales += [] if own is None else [{"scale": "paper", **own}]
    requests = [
        request
        for options in scales
        for request in build_requests([], results=results, data=data, **options)
    ]
    return sorted(requests, key=lambda request: request.experiment.name)


def _warn_of_own_terms(records: Sequence["Record"], scale: str) -> None:
    """Say that runs on a user's own terms are sent with their options alone."""
    count = sum(record.trial["scale"] == "own" for record in records)
    if count and scale != "own":
        warn_once(
            f"{counted(count, 'record')} of runs on your own terms: sent only with the options of "
            "their run, such as --width"
        )


@click.command("ui")
@experiment_option
@results_option
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def open_ui(results: Path, port: int) -> None:
    """Serve MLflow on this machine and print links to its tables."""
    echo("Starting MLflow, which takes some seconds ...", is_error=True)
    from harness.tracking import store_uri
    from harness.tracking.ui import serve

    sys.exit(serve(results, store_uri(results), port=port, tables=all_tables.names()))


COMMANDS = (sync_tracking, open_ui)
