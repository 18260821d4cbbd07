"""Commands around a run, mainly on a cluster: `harness doctor`, `status` and `stop`."""

import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness import tables as all_tables
from harness.cli.options import (
    SCALE_CHANGES,
    data_option,
    json_option,
    open_workspace,
    optional_tables_argument,
    results_option,
    scale_change_options,
    scale_option,
    seeds_option,
    weights_option,
)
from harness.cli.printing import echo
from harness.cli.requests import warning_of
from harness.plan.grid import Seeds
from harness.schedule import shards, status, stop
from harness.schedule.status import RunState
from harness.schedule.status import text as status_text
from harness.specs import Scale
from harness.utils import escape
from harness.utils.lock import Holder

_HAS_PROBLEM = 1


@click.command("doctor")
@optional_tables_argument
@scale_option
@scale_change_options
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
    warn = warning_of(tables)
    chosen = all_tables.select(tables, warn)
    changes = {name: options.pop(name) for name in SCALE_CHANGES}
    workspace = open_workspace(scale, options["results"], options["data"], **changes)
    trials = workspace.trials(chosen, seeds=seeds, warn=warn, are_counted=True)
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
            echo(str(result))
    if as_json:
        _echo_json([asdict(result) for result in results])
    if any(result.level == "problem" for result in results):
        sys.exit(_HAS_PROBLEM)


@click.command("status")
@results_option
@json_option
def show_status(results: Path, as_json: bool) -> None:
    """Show the latest run in a results folder, from any machine that sees the folder.

    Where shards of a grid run, all of them are shown.
    """
    states = _inspect(results)
    if as_json:
        alone = states.get("")
        _echo_json(status.as_json(alone) if alone else status.shards_as_json(states))
    else:
        echo(status_text.format_drivers(states))


def _inspect(results: Path) -> dict[str, RunState]:
    """Inspect all drivers of a folder at once, since each may take seconds."""
    folders = shards.driver_folders(results)
    with ThreadPoolExecutor(len(folders)) as pool:
        return dict(zip(folders, pool.map(status.inspect_run, folders.values()), strict=True))


def _echo_json(body: Any) -> None:
    click.echo(escape.json_lines(json.dumps(body, indent=1, ensure_ascii=False)))


@click.command("stop")
@results_option
@click.option("--now", is_flag=True, help="End at once; the epochs in progress are lost.")
@json_option
def stop_run(results: Path, now: bool, as_json: bool) -> None:
    """Stop the run in a results folder, all its shards, from any machine that sees the folder.

    Trials finish their epoch, then tables are written from the records. The exit code is 0 once
    the run has confirmed the request; the same command resumes the run later.
    """
    states, folders = _inspect(results), shards.driver_folders(results)
    active = {
        folders[name]: state.holder
        for name, state in states.items()
        if state.holder is not None and state.phase in status.ACTIVE_PHASES
    }
    if not active:
        found = "; ".join(status_text.summaries(states))
        raise ValueError(f"no run to stop in {results}: {found}")
    for folder, holder in active.items():
        asked = f"requested a stop{' at once' if now else ''}: {escape.name(str(holder))}"
        echo(asked, is_error=as_json)
        stop.request_stop(folder, holder.run, now=now)
    _await_stops(active, stop.force_stop if now else _confirm_stop, as_json=as_json)


def _await_stops(
    active: Mapping[Path, Holder], await_stop: Callable[[Path, Holder], str], *, as_json: bool
) -> None:
    """Print how each driver responds to a request.

    Raises:
        ValueError: If some do not respond.
    """
    problems, answers = [], {}
    for folder, holder in active.items():
        try:
            answers[folder] = await_stop(folder, holder)
        except ValueError as error:
            problems.append(str(error))
        else:
            echo(answers[folder], is_error=as_json)
    if as_json:
        _echo_json([{"folder": str(folder), "answer": text} for folder, text in answers.items()])
    if problems:
        raise ValueError("; ".join(problems))


def _confirm_stop(folder: Path, holder: Holder) -> str:
    """Return a sentence once a run confirms that it ends after its epoch."""

    def is_confirmed() -> bool:
        return status.inspect_run(folder).phase not in ("starting", "running")

    if not stop.wait_until(is_confirmed, seconds=stop.CONFIRM_S):
        silence = f"no answer within {stop.CONFIRM_S:g} s: {holder}"
        raise ValueError(f"{silence}; the request stays, or end the run at once with --now")
    state = status.inspect_run(folder)
    if state.phase != "stopping" or state.status is None:
        return status_text.summary(state)
    return f"stopping: {state.status.why}, then tables are written; --now ends it at once"


COMMANDS = (examine, show_status, stop_run)
