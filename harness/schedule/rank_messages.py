"""Messages from the ranks of a trial to the process that waits for them, as files.

Rank 0 writes its history, and a rank that fails writes the reason. The waiting process, perhaps on
another node, reads both from the results folder and reports like a trial in one process.
"""

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from harness import data, record, trial
from harness.record import Record
from harness.runtime import Runtime
from harness.specs import Trial
from harness.training.loop import Epoch
from harness.utils import atomic, distributed, files
from harness.utils.redaction import redact

_POLL_S = 0.5
_LEAVE_S = 30.0
_HISTORY, _FAILURE = "history.json", "failure.txt"

ProgressCallback = Callable[[list[Epoch], str], None]


class RankError(RuntimeError):
    """The death of a rank that could not give a reason."""


def make_folder(spec: Trial, runtime: Runtime) -> Path:
    """Return the folder for the messages of a trial's ranks, made if need be.

    Raises:
        ValueError: If the batches of the trial do not divide among its ranks.
    """
    distributed.check_batch(spec.train.batch_videos, spec.train.norm_videos, ranks=runtime.ranks)
    key = record.trial_key(spec, data.load_passport(spec.data, runtime.data).digest)
    folder = message_folder(runtime, key)
    files.make_folder(folder)
    return folder


def message_folder(runtime: Runtime, key: str) -> Path:
    """Return the folder of `make_folder`, which may not exist."""
    return runtime.work(key) / "ranks"


def wait_for_ranks(
    folder: Path,
    results: Path,
    on_history: ProgressCallback,
    *,
    start: Callable[[], None],
    end: Callable[[], None],
) -> Record:
    """Run a trial in ranks, and report its history from this thread.

    Args:
        folder: See `make_folder`.
        results: Folder of its record.
        on_history: Called with the history so far, and with the location of the ranks if known.
        start: Starts the ranks and returns when they have ended; runs in another thread.
        end: Ends the ranks; called if this thread is interrupted.

    Raises:
        ValueError: If the trial cannot run so; the sentence is that of the rank that failed.
        RankError: If a rank died.
    """
    for name in (_HISTORY, _FAILURE):
        (folder / name).unlink(missing_ok=True)
    launcher, reader = _Launcher(start), _HistoryReader(folder / _HISTORY, on_history)
    launcher.start()
    try:
        while launcher.is_alive():
            launcher.join(_POLL_S)
            reader.poll()
    except BaseException:
        end()
        launcher.join(_LEAVE_S)
        raise
    launcher.check(folder / _FAILURE)
    done = record.read(results, folder.parent.name)
    assert done is not None, folder
    reader.finish(done)
    return done


def run_rank(spec: Trial, runtime: Runtime, folder: Path, location: str = "") -> None:
    """Run one rank of a trial, and write its messages.

    Args:
        spec: The trial.
        runtime: Where and how, with the device of this rank.
        folder: See `make_folder`.
        location: Nodes and devices of all ranks.
    """

    def report(history: list[Epoch]) -> None:
        body = {"history": [asdict(epoch) for epoch in history], "where": location}
        atomic.write_atomic(folder / _HISTORY, json.dumps(body).encode())

    try:
        trial.run(spec, runtime, report)
        distributed.barrier()
    except (ValueError, ArithmeticError) as error:
        if not (folder / _FAILURE).is_file():
            atomic.write_atomic(folder / _FAILURE, redact(str(error)).encode())
        raise


class _Launcher(threading.Thread):
    """A thread that waits for the ranks, beside the thread that reports."""

    def __init__(self, start: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.wait = start
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.wait()
        except BaseException as error:  # raised again by `check`, in the reporting thread
            self.error = error

    def check(self, failure: Path) -> None:
        """Raise the error of the ranks; a reason that a rank wrote comes first."""
        if self.error is not None and failure.is_file():
            raise ValueError(failure.read_text(encoding="utf-8")) from self.error
        if self.error is not None:
            raise self.error


class _HistoryReader:
    """A reader of the history file that reports each change once."""

    def __init__(self, path: Path, on_history: ProgressCallback) -> None:
        self.path = path
        self.on_history = on_history
        self.text = ""
        self.location = ""
        self.epochs = 0

    def poll(self) -> None:
        """Report a history that has changed."""
        with contextlib.suppress(FileNotFoundError):
            text = self.path.read_text(encoding="utf-8")
            if text != self.text:
                self.text, body = text, json.loads(text)
                self.location = body["where"]
                self._report([Epoch(**row) for row in body["history"]])

    def finish(self, done: Record) -> None:
        """Report epochs that came after the last poll: rank 0 deletes the folder at its end."""
        if len(done.history) > self.epochs:
            self._report([Epoch(**row) for row in done.history])

    def _report(self, history: list[Epoch]) -> None:
        self.epochs = len(history)
        self.on_history(history, self.location)
