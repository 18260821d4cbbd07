"""Hooks into Ray Tune: the order of trials, requests to stop, and news of trials."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.schedule.attempt import Event, ended
from harness.schedule.stop import Stop
from harness.training.loop import Epoch

if TYPE_CHECKING:
    from harness.schedule.ray.tune import _Grid

_NOTE = "stop.txt"


def until(stop: Stop, scratch: Path | None = None) -> Any:
    """Return what starts trials in their order and, once stop is asked, ends them one by one.

    Args:
        stop: What was asked of this process.
        scratch: Folder for a note to trials that are to end themselves, see `is_over`; None to
            have Tune end them.
    """
    from ray.tune.experiment import Trial
    from ray.tune.schedulers import FIFOScheduler

    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
        _write(scratch, "")

    class Until(FIFOScheduler):
        def __reduce__(self) -> tuple[type, tuple[()]]:
            return FIFOScheduler, ()

        def on_trial_result(self, *_: Any) -> str:
            # Until it is told to go on, a trial waits in its report, its checkpoint written.
            if stop.asked and scratch is not None:
                _write(scratch, "stop")
                return str(self.CONTINUE)
            return str(self.STOP if stop.asked else self.CONTINUE)

        def choose_trial_to_run(self, tune_controller: Any) -> Any:
            if not stop.asked:
                return super().choose_trial_to_run(tune_controller)
            if scratch is not None:
                _write(scratch, "stop")
            for each in tune_controller.get_trials():
                if each.status == Trial.PENDING:
                    each.init_local_path()  # Tune lists the folders of all trials at its end
                    tune_controller.stop_trial(each)
            return None

    return Until()  # type: ignore[no-untyped-call]


def _write(scratch: Path, text: str) -> None:
    # In place: on NFS a file that is there is looked at anew when it is opened.
    (scratch / _NOTE).write_text(text, encoding="utf-8")


def is_over(scratch: Path) -> bool:
    """Say whether trials are to end themselves, after the epoch that they have reported."""
    with contextlib.suppress(FileNotFoundError):
        return bool((scratch / _NOTE).read_text(encoding="utf-8"))
    return False


def _watcher(grid: "_Grid") -> Any:
    """Return what turns news of Tune into events."""
    from ray import tune

    watch, runtime = grid.watch, grid.runtime

    class Watcher(tune.Callback):
        def __reduce__(self) -> tuple[type, tuple[()]]:
            return tune.Callback, ()  # Tune pickles it into a file that nobody reads

        def on_trial_result(self, **info: Any) -> None:  # type: ignore[override]
            each, result = info["trial"].config["planned"], info["result"]
            if "history" in result:
                rows = [Epoch(**row) for row in result["history"]]
                watch(Event(planned=each, history=rows, where=result["where"]))

        def on_trial_complete(self, **info: Any) -> None:  # type: ignore[override]
            each, last = info["trial"].config["planned"], info["trial"].last_result
            if "failure" in last:  # else it was stopped
                watch(ended(each, runtime, last["failure"]))

        def on_trial_error(self, **info: Any) -> None:  # type: ignore[override]
            each, reason = info["trial"].config["planned"], _last_error(info["trial"])
            died = f"its process died {grid.resources.retries + 1} times; {reason}"
            watch(ended(each, runtime, died))

    return Watcher()


def _last_error(trial: Any) -> str:
    """Return the last line of what Tune kept of an error."""
    text = trial.get_error() or "no reason is known"
    return str(text).strip().splitlines()[-1]
