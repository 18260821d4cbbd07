"""The function that Ray Tune runs for each trial, in a worker process.

Tune pickles it by name, so the worker imports this module: nothing here may refer to the driver.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune

from harness.runtime import Runtime
from harness.schedule.attempt import StoppedError, TrialFunction
from harness.schedule.ray import nodes, stop_note
from harness.training.loop import Epoch


def run_in_tune(
    config: dict[str, Any],
    *,
    run_attempt: Callable[..., str | None],
    run_trial: TrialFunction,
    runtime: Runtime,
    scratch: Path,
) -> dict[str, Any]:
    """Run one trial.

    Args:
        config: Holds the planned trial.
        run_attempt: See `harness.schedule.attempt`; an argument so that tests can replace it.
        run_trial: Trains and scores the trial.
        runtime: Where and how.
        scratch: Folder of the stop note.

    Returns:
        Why it failed, or None; no such entry if it was stopped.
    """
    report = partial(_report, scratch)
    try:
        return {"failure": run_attempt(run_trial, config["planned"], runtime, report)}
    except StoppedError:
        return {}


def _report(scratch: Path, history: list[Epoch], location: str = "") -> None:
    rows = [asdict(epoch) for epoch in history]
    tune.report({"history": rows, "where": location or nodes.location()})
    raise_if_stopped(scratch)


def raise_if_stopped(scratch: Path) -> None:
    """End the trial if its run is to stop.

    Raises:
        StoppedError: If the note in the folder says so.
    """
    if stop_note.is_written(scratch):
        raise StoppedError
