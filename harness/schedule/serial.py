"""Trials one after the other, in this process."""

import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from harness.plan.grid import PlannedTrial
from harness.runtime import Runtime
from harness.schedule import local_ranks
from harness.schedule.attempt import (
    EventCallback,
    StoppedError,
    TrialEvent,
    TrialFunction,
    end_event,
    run_attempt,
)
from harness.schedule.rank_messages import RankError
from harness.schedule.stop import Stop
from harness.training.loop import Epoch

# Takes a trial for this process, and tells whether it is to run here.
Claim = Callable[[PlannedTrial], AbstractContextManager[bool]]


def run_serially(
    trials: Sequence[PlannedTrial],
    runtime: Runtime,
    on_event: EventCallback,
    stop: Stop | None = None,
    *,
    run_trial: TrialFunction = local_ranks.run,
    claim: Claim | None = None,
) -> None:
    """Run trials in this process, until all have ended or a stop is requested.

    Each is claimed first if there is a way to; one that cannot be had is left out.
    """
    stop = stop or Stop()
    for planned in trials:
        if stop.is_requested:
            return
        report = partial(_report, planned, on_event, stop)
        with claim(planned) if claim else nullcontext(True) as is_mine:
            if not is_mine:
                continue
            try:
                failure = run_attempt(run_trial, planned, runtime, report)
            except RankError as error:  # Ray would start the trial again; nothing does here
                failure = str(error)
            except StoppedError:
                return
            on_event(end_event(planned, runtime, failure))


def _report(
    planned: PlannedTrial, on_event: EventCallback, stop: Stop, history: list[Epoch], _: str = ""
) -> None:
    on_event(TrialEvent(planned=planned, history=history, location=platform.node()))
    if stop.is_requested:
        raise StoppedError
