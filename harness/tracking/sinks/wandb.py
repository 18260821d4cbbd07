"""Weights & Biases: curves, final metrics and parameters, one run per row and seed.

The id of a run is a hash of its trial and of the start of its training: a trial that resumes
continues its run, and one that starts anew gets another. Checked against wandb 0.31.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.record import Record
from harness.report.output import Rows
from harness.tracking import runs
from harness.tracking.aspects import aspect_shares
from harness.tracking.outgoing import clean, clean_reason
from harness.tracking.runs import TableRun, TrialRun
from harness.utils.atomic import write_atomic
from harness.utils.files import make_folder
from harness.utils.redaction import hide_known_values

if TYPE_CHECKING:
    from wandb import Run

SETTINGS: Mapping[str, Any] = {  # nothing of this machine, and no text on the terminal
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "host": "",
    "init_timeout": 30.0,
    "silent": True,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}
_PLACES = ("WANDB_MODE", "WANDB_BASE_URL", "WANDB_ENTITY")
_MAX_NAME = 128  # characters that W&B takes
_FAILED = 1


class WandB:
    """A project. Tables, weights and failures before the first epoch are left to MLflow.

    Args:
        place: Name of the project.
        results: Folder that holds `records/` and, unless WANDB_DIR is set, the files of wandb.
    """

    def __init__(self, place: str, results: Path) -> None:
        self._project = place
        self._results = results
        self._runs: dict[str, ProjectRun] = {}

    def log_epochs(self, *, trial_run: TrialRun, history: Rows) -> None:
        """Add the epochs of a trial that its run lacks."""
        if history:
            with self._calls():
                self._open(trial_run, history).add(history)

    def finish_trial(self, *, trial_run: TrialRun, record: Record) -> None:
        """Add the record of a trial and end its run, unless this was sent before."""
        points, tags = runs.record_points(record, aspect_shares(self._results, record))
        tags |= runs.nonfinite_tags(record.history)
        summary = clean(tags, self._project) | {point.name: point.value for point in points}
        sent = self._sent(run_id(trial_run, record.history), summary)
        if sent.is_file():
            return
        with self._calls():
            run = self._open(trial_run, record.history)
            run.add(record.history)
            del self._runs[run.id]
            run.end(summary, exit_code=0)
        write_atomic(sent, b"")

    def fail_trial(self, *, trial_run: TrialRun, reason: str) -> None:
        """End the open run of a trial as failed."""
        said = clean_reason(reason, self._project, self._results)
        with self._calls():
            for run in [run for run in self._runs.values() if run.trial == trial_run.id]:
                del self._runs[run.id]
                run.end({"reason": said}, exit_code=_FAILED)

    def log_weights(self, *, trial_run: TrialRun, weights: bytes) -> None:
        """Write nothing."""

    def log_table(self, *, table_run: TableRun) -> None:
        """Write nothing."""

    def kill_unfinished(self) -> None:
        """End all runs as failed; they go on when their trials do."""
        while self._runs:
            _, run = self._runs.popitem()
            with self._calls():
                run.end({}, exit_code=_FAILED)

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """Call wandb; after any of its errors, end all runs, as no other sink may open them."""
        try:
            yield
        except Exception as error:  # of its service and mailbox too, which share no class
            while self._runs:
                with suppress(Exception):
                    self._runs.popitem()[1].end({}, exit_code=_FAILED)
            raise ConnectionError(f"{type(error).__name__}: {error}") from None

    def _open(self, trial_run: TrialRun, history: Rows) -> "ProjectRun":
        name = run_id(trial_run, history)
        if name not in self._runs:
            folder = Path(os.environ.get("WANDB_DIR") or self._results / "wandb")
            make_folder(folder)
            run = open_run(name, trial_run, project=self._project, folder=folder)
            self._runs[name] = ProjectRun(run, trial_run.id)
        return self._runs[name]

    def _sent(self, name: str, summary: Mapping[str, Any]) -> Path:
        """Return the file that exists once a record was sent to where it would go now."""
        place = [self._project, *map(os.environ.get, _PLACES)]
        return self._results / "wandb" / "sent" / _hash(place, name, sorted(summary.items()))


class ProjectRun:
    """A run that is open.

    Args:
        run: Of wandb.
        trial: Identity of the trial.
    """

    def __init__(self, run: "Run", trial: tuple[str, str, str]) -> None:
        self._run = run
        self.id = str(run.id)
        self.trial = trial
        self._next_epoch = run.step  # offline, a new process writes the run from its start

    def add(self, history: Rows) -> None:
        """Log the epochs that the run lacks."""
        rows = [row for row in history if row["epoch"] >= self._next_epoch]
        for epoch, points in groupby(runs.curve_points(rows), key=attrgetter("step")):
            values: dict[str, float] = {}
            for point in points:
                values |= {point.name: point.value, "_timestamp": point.ms / 1e3}
            self._run.log(values, step=epoch, commit=True)
        self._next_epoch = max([self._next_epoch, *(row["epoch"] + 1 for row in rows)])

    def end(self, summary: Mapping[str, Any], *, exit_code: int) -> None:
        """Add values of the whole trial, and end the run; W&B calls codes other than 0 failed."""
        self._run.summary.update(dict(summary))
        self._run.finish(exit_code=exit_code)


def open_run(name: str, trial_run: TrialRun, *, project: str, folder: Path) -> "Run":
    """Open a run, which may be that of an earlier process.

    Args:
        name: Its id.
        trial_run: Its trial.
        project: That holds it.
        folder: For the files of wandb.
    """
    import wandb

    words = clean(trial_run.tags | {"name": trial_run.name}, project)
    return wandb.init(
        project=project,
        dir=str(folder),
        id=name,
        name=words["name"][:_MAX_NAME],
        group=f"{words['table']}: {words['row']}"[:_MAX_NAME],
        job_type=words["scale"],
        config=words | hide_known_values(trial_run.trial),
        resume="allow",
        reinit="create_new",  # trials run at the same time
        settings=dict(SETTINGS),
    )


def run_id(trial_run: TrialRun, history: Rows) -> str:
    """Return the id of the run of a training: as long as its first epoch is the same."""
    return _hash(*trial_run.id, history[0]["finished_ms"] if history else None)[:24]


def _hash(*parts: Any) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()
