"""In which turn Tune starts trials, and how a request to stop ends them."""

import contextlib
from pathlib import Path
from typing import Any

from harness.stopping import Stop

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
