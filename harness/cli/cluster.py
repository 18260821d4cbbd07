"""Commands around a run, mainly on a cluster: `harness doctor`, `status` and `stop`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness import tables as all_tables
from harness.cli.options import (
    data_option,
    json_option,
    open_workspace,
    optional_tables_argument,
    results_option,
    scale_option,
    seeds_option,
    weights_option,
)
from harness.cli.requests import print_error
from harness.plan.grid import Seeds
from harness.schedule import status, stop
from harness.specs import Scale
from harness.utils import escape
from harness.utils.lock import Holder

_HAS_PROBLEM = 1


@click.command("doctor")
@optional_tables_argument
@scale_option
@seeds_option
@click.option("--address", help="A running Ray cluster.  [default: this machine alone]")
@click.option("--ray", is_flag=True, help="Start Ray on this machine and check it too.")
@click.option(
    "--gpus-per-trial", "gpus", type=click.FloatRange(min=0), default=0, show_default=True
)
@click.option("--cpus-per-trial", "cpus", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--ranks", type=click.IntRange(min=1), help="Processes that share a trial.")
@results_option
@data_option
@weights_option
@json_option
def examine(
    tables: tuple[str, ...], scale: Scale, seeds: Seeds, as_json: bool, **options: Any
) -> None:
    """Check what a grid of tables needs before it starts; all tables if none is named.

    Prints a line for each check: ok, problem or unknown, the finding, and a remedy. The exit code
    is 1 if there is a problem.
    """
    chosen = all_tables.select(tables, print_error)
    workspace = open_workspace(scale, options["results"], options["data"])
    trials = workspace.trials(chosen, seeds=seeds)
    from harness.schedule import doctor

    request = doctor.CheckRequest(
        trials=[planned.trial for planned in trials],
        todo=[planned.trial for planned in trials if planned.state != "fresh"],
        **options,
    )
    results = []
    for result in doctor.run_checks(request):
        results.append(result)
        if not as_json:
            click.echo(escape.terminal(str(result)))
    if as_json:
        _echo_json([asdict(result) for result in results])
    if any(result.level == "problem" for result in results):
        sys.exit(_HAS_PROBLEM)


@click.command("status")
@results_option
@json_option
def show_status(results: Path, as_json: bool) -> None:
    """Show the latest run in a results folder, from any machine that sees the folder."""
    state = status.inspect_run(results)
    if as_json:
        _echo_json(status.as_json(state))
    else:
        click.echo(status.format_lines(state))


def _echo_json(body: Any) -> None:
    click.echo(escape.json_lines(json.dumps(body, indent=1, ensure_ascii=False)))


@click.command("stop")
@results_option
@click.option("--now", is_flag=True, help="End at once; the epochs in progress are lost.")
def stop_run(results: Path, now: bool) -> None:
    """Stop the run in a results folder, from any machine that sees the folder.

    Trials finish their epoch, then tables are written from the records. The exit code is 0 once
    the run has confirmed the request; the same command resumes the run later.
    """
    state = status.inspect_run(results)
    if state.holder is None or state.phase not in status.ACTIVE_PHASES:
        raise ValueError(f"no run to stop in {results}: {_first_line(state)}")
    click.echo(f"requested a stop{' at once' if now else ''}: {escape.name(str(state.holder))}")
    stop_holder = stop.force_stop if now else _stop_after_epoch
    click.echo(stop_holder(results, state.holder))


def _stop_after_epoch(results: Path, holder: Holder) -> str:
    """Request an end after the epoch, and return a sentence once the run confirms it."""
    stop.request_stop(results, holder.run, now=False)

    def is_confirmed() -> bool:
        return status.inspect_run(results).phase not in ("starting", "running")

    if not stop.wait_until(is_confirmed, seconds=stop.CONFIRM_S):
        silence = f"no answer within {stop.CONFIRM_S:g} s: {holder}"
        raise ValueError(f"{silence}; the request stays, or end the run at once with --now")
    state = status.inspect_run(results)
    if state.phase != "stopping" or state.status is None:
        return _first_line(state)
    return f"stopping: {state.status.why}, then tables are written; --now ends it at once"


def _first_line(state: status.RunState) -> str:
    return status.format_lines(state).splitlines()[0]


COMMANDS = (examine, show_status, stop_run)
