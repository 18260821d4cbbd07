"""Commands around a run, on a cluster above all: `harness doctor`, `status` and `stop`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import experiments
from harness.cli.options import (
    data_option,
    json_option,
    optional_tables_argument,
    results_option,
    scale_option,
    seeds_option,
    select_tables,
)
from harness.plan.workspace import Workspace
from harness.schedule import status, stop
from harness.specs import Scale
from harness.utils.lock import Holder

_BAD = 1


@click.command("doctor")
@optional_tables_argument
@scale_option
@seeds_option
@click.option("--address", help="A running Ray cluster.  [default: this machine alone]")
@click.option("--ray", is_flag=True, help="Start Ray on this machine and look at that.")
@click.option(
    "--gpus-per-trial", "gpus", type=click.FloatRange(min=0), default=0, show_default=True
)
@click.option("--cpus-per-trial", "cpus", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--ranks", type=click.IntRange(min=1), help="Processes that share a trial.")
@results_option
@data_option
@json_option
def examine(tables: tuple[str, ...], scale: Scale, seeds: int, as_json: bool, **asked: Any) -> None:
    """Say what would go wrong with a grid of tables, all if none is named, before it starts.

    A line for each thing: ok, problem or unknown, what was found, what to do. The exit code is 1
    if there is a problem.
    """
    chosen = [experiments.load(name) for name in select_tables(tables)]
    workspace = Workspace(results=asked["results"], data=asked["data"], scale=scale)
    listed = workspace.trials(chosen, seeds=seeds)
    from harness.schedule import doctor

    trials = [each.trial for each in listed]
    todo = [each.trial for each in listed if each.state != "fresh"]
    found = []
    for each in doctor.examine(doctor.Asked(trials=trials, todo=todo, **asked)):
        found.append(each)
        if not as_json:
            click.echo(each)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=1, ensure_ascii=False))
    if any(each.level == "problem" for each in found):
        sys.exit(_BAD)


@click.command("status")
@results_option
@json_option
def show_status(results: Path, as_json: bool) -> None:
    """Say what runs in a results folder, or ran last: from any machine that sees the folder."""
    found = status.look(results)
    body = status.as_json(found)
    click.echo(json.dumps(body, indent=1, ensure_ascii=False) if as_json else status.text(found))


@click.command("stop")
@results_option
@click.option("--now", is_flag=True, help="Leave at once; the epochs in progress are lost.")
def stop_run(results: Path, now: bool) -> None:
    """Ask the run in a results folder to end, from any machine that sees the folder.

    Trials finish their epoch, then tables are written from what is recorded. The exit code is 0
    once the run has said that it heard; the same command goes on later.
    """
    found = status.look(results)
    if found.holder is None or found.phase not in status.AT_WORK:
        raise ValueError(f"nothing runs in {results}: {status.text(found).splitlines()[0]}")
    click.echo(f"asked to stop{' at once' if now else ''}: {found.holder}")
    heard = stop.leave(results, found.holder) if now else _drain(results, found.holder)
    click.echo(heard)


def _drain(results: Path, holder: Holder) -> str:
    """Ask for an end after the epoch, and return what the run says of it."""
    stop.ask(results, holder.run, now=False)

    def heard() -> bool:
        return status.look(results).phase not in ("starting", "running")

    if not stop.wait(heard, seconds=stop.CONFIRM_S):
        silent = f"no answer within {stop.CONFIRM_S:g} s: {holder}"
        raise ValueError(f"{silent}; the request stays, and --now does not wait for it")
    last = status.look(results)
    if last.phase != "stopping" or last.status is None:
        return status.text(last).splitlines()[0]
    return f"stopping: {last.status.why}, then tables are written; --now leaves at once"


COMMANDS = (examine, show_status, stop_run)
