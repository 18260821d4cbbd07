"""Hooks into Ray Tune: a scheduler that stops on request, and a callback that reports events.

This module imports Ray, so import it only after `session.connect` has set Ray's variables.

Tune pickles its scheduler and its callbacks into a state file that nothing reads here. Their
`__reduce__` keeps the driver's threads and consoles, which cannot be pickled, out of that file.
"""

from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

from harness.runtime import Runtime
from harness.schedule.attempt import EventCallback, TrialEvent, end_event
from harness.schedule.ray import stop_note
from harness.schedule.stop import Stop
from harness.training.loop import Epoch
from harness.utils.files import make_folder


class StoppableFIFO(FIFOScheduler):
    """A Tune scheduler: FIFO until a stop is requested.

    Args:
        stop: Requests to this process.
        note: Folder of a note for trials that end themselves; None if Tune ends them.
    """

    def __init__(self, stop: Stop, note: Path | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stop = stop
        self._note = note
        if note is not None:
            make_folder(note)
            stop_note.clear(note)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return FIFOScheduler, ()  # see the module

    def on_trial_result(self, *_: Any) -> str:
        """Return the decision of Tune after a report; the trial waits for it in its report."""
        if not self._stop.is_requested:
            return str(self.CONTINUE)
        if self._note is None:
            return str(self.STOP)
        stop_note.write(self._note)
        return str(self.CONTINUE)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the next trial to start; after a stop, end the waiting ones instead."""
        if not self._stop.is_requested:
            return super().choose_trial_to_run(tune_controller)
        if self._note is not None:
            stop_note.write(self._note)
        for trial in tune_controller.get_trials():
            if trial.status == Trial.PENDING:
                trial.init_local_path()  # Tune lists the folders of all trials at its end
                tune_controller.stop_trial(trial)
        return None


class ResultCallback(tune.Callback):
    """A Tune callback that turns results into events.

    Args:
        on_event: Takes the events.
        runtime: Names the folder of records.
        retries: Restarts of a trial whose process died.
    """

    def __init__(self, on_event: EventCallback, runtime: Runtime, retries: int) -> None:
        self._on_event = on_event
        self._runtime = runtime
        self._retries = retries

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return tune.Callback, ()  # see the module

    def on_trial_result(self, **info: Any) -> None:  # type: ignore[override]
        """Pass on the history of a running trial."""
        result = info["result"]
        if "history" in result:
            rows = [Epoch(**row) for row in result["history"]]
            planned = info["trial"].config["planned"]
            self._on_event(TrialEvent(planned=planned, history=rows, location=result["where"]))

    def on_trial_complete(self, **info: Any) -> None:  # type: ignore[override]
        """Pass on the end of a trial, unless it was stopped."""
        last = info["trial"].last_result
        if "failure" in last:
            self._end(info["trial"], last["failure"])

    def on_trial_error(self, **info: Any) -> None:  # type: ignore[override]
        """Pass on the last death of a trial's process."""
        reason = _last_error(info["trial"])
        self._end(info["trial"], f"its process died {self._retries + 1} times; {reason}")

    def _end(self, trial: Any, failure: str | None) -> None:
        self._on_event(end_event(trial.config["planned"], self._runtime, failure))


def _last_error(trial: Any) -> str:
    """Return the last line of the error that Tune kept."""
    text = trial.get_error() or "no reason is known"
    return str(text).strip().splitlines()[-1]
