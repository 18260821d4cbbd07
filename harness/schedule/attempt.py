"""One attempt at a trial of a grid, and the news of it."""

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


@dataclass(frozen=True, kw_only=True)
class Event:
    """News of a trial: its curve so far, or its end.

    Attributes:
        planned: The trial.
        history: Finished epochs; empty when it has just started.
        record: What it left, once it has finished.
        failure: Why it ended without a record, in a sentence.
        where: Node and devices on which it runs.
    """

    planned: PlannedTrial
    history: Sequence[Epoch] = ()
    record: Record | None = None
    failure: str | None = None
    where: str = ""


Watch = Callable[[Event], None]
Report = Callable[..., None]  # of the history so far and, where ranks know, of where they run
Work = Callable[[Trial, Runtime, Report], Record]


class StoppedError(Exception):
    """A trial ended after an epoch because the run is to stop; nothing went wrong."""


def attempt(work: Work, planned: PlannedTrial, runtime: Runtime, report: Report) -> str | None:
    """Run one trial; return why it failed, or None.

    Raises:
        RankError: If a rank died; a trial is tried again after that, and after nothing else.
        StoppedError: If `report` does.
    """
    try:
        work(planned.trial, runtime, report)
    except (StoppedError, RankError):
        raise
    except (ValueError, ArithmeticError) as error:
        return str(error)
    except Exception as error:
        kept = _keep_trace(runtime.results / "logs" / f"{planned.key}.txt")
        return f"{type(error).__name__}: {error} ({kept})"
    return None


def _keep_trace(path: Path) -> str:
    """Write the traceback of what was just raised, perhaps because the disk is full."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError as error:
        return f"no traceback, for {path} cannot be written: {error.strerror}"
    return f"traceback in {path}"


def ended(planned: PlannedTrial, runtime: Runtime, failure: str | None) -> Event:
    """Return the last event of a trial."""
    done = None if failure else record.read(runtime.results, planned.key)
    return Event(planned=planned, record=done, failure=failure)
