"""One attempt at a planned trial, and the events that it causes."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import record
from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.runtime import Runtime
from harness.schedule.rank_messages import RankError
from harness.specs import Trial
from harness.training.loop import Epoch
from harness.utils import files
from harness.utils.atomic import write_atomic
from harness.utils.redaction import redact, redact_for_others


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

    Raises:
        RankError: If a rank died; the only failure after which a trial is tried again.
        StoppedError: If `report` does.
    """
    try:
        run_trial(planned.trial, runtime, report)
    except (StoppedError, RankError):
        raise
    except (ValueError, ArithmeticError) as error:
        return redact(str(error))
    except Exception as error:
        note = _write_traceback(runtime.results, f"{planned.key}.txt")
        return f"{redact(f'{type(error).__name__}: {error}')} ({note})"
    return None


def _write_traceback(results: Path, name: str) -> str:
    """Write the traceback of the current exception, which may be that of a full disk."""
    path = results / "logs" / name
    try:
        files.make_folder(path.parent)
        files.check_below(path.parent, results)
        text = redact_for_others(traceback.format_exc(), results)
        write_atomic(path, text.encode(errors="backslashreplace"))
    except (OSError, ValueError) as error:
        return f"no traceback: {path} cannot be written: {error}"
    return f"traceback in {path}"


def end_event(planned: PlannedTrial, runtime: Runtime, failure: str | None) -> TrialEvent:
    """Return the last event of a trial."""
    failure = None if failure is None else redact(failure)
    done = None if failure else record.read(runtime.results, planned.key)
    return TrialEvent(planned=planned, record=done, failure=failure)
