"""One attempt at a planned trial, and the events that it causes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness import record
from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.runtime import Runtime
from harness.schedule.failure import Failure, describe
from harness.schedule.rank_messages import RankError
from harness.specs import Trial
from harness.tables import own_names
from harness.training.loop import Epoch
from harness.utils.redaction import redact
from harness.zoo.shape_check import check_shapes


@dataclass(frozen=True, kw_only=True)
class TrialEvent:
    """An event of a trial: its start, an epoch, or its end.

    Attributes:
        planned: The trial.
        history: Finished epochs; empty at the start.
        record: Its record, once it has finished.
        failure: Why it ended without a record, in a sentence.
        location: Node and devices on which it runs.
    """

    planned: PlannedTrial
    history: Sequence[Epoch] = ()
    record: Record | None = None
    failure: str | None = None
    location: str = ""


EventCallback = Callable[[TrialEvent], None]
# Takes the history so far and, from ranks that know it, their location.
HistoryCallback = Callable[..., None]
TrialFunction = Callable[[Trial, Runtime, HistoryCallback], Record]


class StoppedError(Exception):
    """The end of a trial after an epoch because the run is to stop; not a failure."""


def run_attempt(
    run_trial: TrialFunction, planned: PlannedTrial, runtime: Runtime, report: HistoryCallback
) -> str | None:
    """Run one trial, and return why it failed, or None.

    After a failure of storage or network that may pass, it waits and resumes the trial from its
    checkpoint; tries are counted anew after every finished epoch.

    Raises:
        RankError: If a process died, or its device failed: only another process can go on.
        StoppedError: If `report` does.
    """
    tries, epochs = 0, 0
    while True:
        progress = _Progress(report)
        failure = _run_once(run_trial, planned, runtime, progress)
        if failure is None:
            return None
        tries, epochs = (1, progress.epochs) if progress.epochs > epochs else (tries + 1, epochs)
        if not failure.retry:
            return failure.sentence
        if tries > runtime.io_retries:
            return f"{failure.sentence} (tried {tries} times, {runtime.io_wait_s:g} s apart)"
        time.sleep(runtime.io_wait_s)


def _run_once(
    run_trial: TrialFunction, planned: PlannedTrial, runtime: Runtime, report: HistoryCallback
) -> Failure | None:
    try:
        own_names.enable(planned.trial, runtime.own_code)
        if own_names.has_own(planned.trial):
            check_shapes(planned.trial.model, planned.trial.data)
        run_trial(planned.trial, runtime, report)
    except (StoppedError, RankError):
        raise
    except Exception as error:
        failure = describe(error, runtime.results / "logs" / f"{planned.key}.txt")
        if failure.device_fault:
            raise RankError(failure.sentence) from error
        return failure
    return None


class _Progress:
    """A history callback that remembers how far a trial came."""

    def __init__(self, report: HistoryCallback) -> None:
        self.report = report
        self.epochs = 0

    def __call__(self, history: Sequence[Epoch], *location: str) -> None:
        self.epochs = len(history)
        self.report(history, *location)


def end_event(planned: PlannedTrial, runtime: Runtime, failure: str | None) -> TrialEvent:
    """Return the last event of a trial."""
    failure = None if failure is None else redact(failure)
    done = None if failure else record.read(runtime.results, planned.key)
    return TrialEvent(planned=planned, record=done, failure=failure)
