"""Messages from the ranks of a trial to the process that waits for them, as files.

Rank 0 writes its history, and a rank that fails writes the reason. The waiting process, perhaps on
another node, reads both from the results folder and reports like a trial in one process.

On a network file system a node may not see for a minute what another one has written, unless it
changes the folder itself: its view of the folder is then read anew.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from harness import data, record, trial
from harness.record import Record
from harness.runtime import Runtime
from harness.schedule.failure import Failure, describe
from harness.specs import Trial
from harness.tables import own_names
from harness.training.loop import Epoch
from harness.utils import atomic, distributed, files
from harness.utils.transient import TransientError

_POLL_S = 0.5
_LEAVE_S = 30.0
_HISTORY, _FAILURES = "history.json", "failure-*.json"

T = TypeVar("T")
ProgressCallback = Callable[[list[Epoch], str], None]


class RankError(RuntimeError):
    """The end of a process that could not give a reason, or whose device failed."""


def make_folder(spec: Trial, runtime: Runtime) -> Path:
    """Return the folder for the messages of a trial's ranks, made if need be.

    Raises:
        ValueError: If the batches of the trial do not divide among its ranks.
    """
    distributed.check_batch(spec.train.batch_videos, spec.train.norm_videos, ranks=runtime.ranks)
    known = data.load_passport(spec.data, runtime.data, campaign=runtime.campaign)
    key = record.trial_key(spec, known.digest)
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
    settle_s: float = 0.0,
) -> Record:
    """Run a trial in ranks, and report its history from this thread.

    Args:
        folder: See `make_folder`.
        results: Folder of its record.
        on_history: Called with the history so far, and with the location of the ranks if known.
        start: Starts the ranks and returns when they have ended; runs in another thread.
        end: Ends the ranks; called if this thread is interrupted.
        settle_s: Longest wait, after their end, for files that ranks wrote on other nodes.

    Raises:
        ValueError: If the trial cannot run so; the sentence is that of the rank that failed.
            TransientError if another try may succeed.
        RankError: If a rank died.
    """
    for message in (folder / _HISTORY, *folder.glob(_FAILURES)):
        message.unlink(missing_ok=True)
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
    launcher.check(folder, settle_s)
    done = _wait_until_seen(
        lambda: record.read(results, folder.parent.name), results / "records", settle_s
    )
    assert done is not None, folder
    reader.finish(done)
    return done


def read_failure(folder: Path) -> Failure | None:
    """Return why ranks failed: a rank's own reason before the loss of a connection to it."""
    failures = [Failure(**json.loads(path.read_bytes())) for path in sorted(folder.glob(_FAILURES))]
    return min(failures, key=lambda failure: failure.lost_peer, default=None)


def _wait_until_seen(read: Callable[[], T | None], folder: Path, settle_s: float) -> T | None:
    """Return what is read from a folder as soon as another node's files are visible here."""
    deadline = time.monotonic() + settle_s
    while True:
        with contextlib.suppress(OSError):  # such as a file that was replaced on another node
            if (value := read()) is not None:
                return value
        if time.monotonic() > deadline:
            return read()
        with contextlib.suppress(OSError):
            _change_folder(folder)
        time.sleep(_POLL_S)


def _change_folder(folder: Path) -> None:
    """Make and remove a file, so that this node lists the folder anew."""
    mark = folder / f".seen-{os.getpid()}"
    mark.touch()
    mark.unlink()


def run_rank(spec: Trial, runtime: Runtime, folder: Path, location: str = "") -> None:
    """Run one rank of a trial, and write its history.

    Args:
        spec: The trial.
        runtime: Where and how, with the device of this rank.
        folder: See `make_folder`.
        location: Nodes and devices of all ranks.
    """

    def report(history: list[Epoch]) -> None:
        body = {"history": [asdict(epoch) for epoch in history], "where": location}
        atomic.write_atomic(folder / _HISTORY, json.dumps(body).encode())

    own_names.enable(spec, runtime.own_code)
    trial.run(spec, runtime, report)
    distributed.barrier()


@contextlib.contextmanager
def failures_reported(folder: Path, results: Path, *, rank: int) -> Iterator[None]:
    """Write why the block failed, for the process that waits for the ranks.

    Args:
        folder: See `make_folder`.
        results: Folder of its record; a traceback goes into `logs` there.
        rank: Number of this rank.
    """
    try:
        yield
    except Exception as error:
        log = results / "logs" / f"{folder.parent.name}-rank{rank}.txt"
        body = asdict(describe(error, log))
        atomic.write_atomic(folder / f"failure-{rank}.json", json.dumps(body).encode())
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

    def check(self, folder: Path, settle_s: float) -> None:
        """Raise the error of the ranks; a reason that a rank wrote comes first."""
        if self.error is None:
            return
        failure = _wait_until_seen(lambda: read_failure(folder), folder, settle_s)
        if failure is None or failure.lost_peer:
            raise self.error
        if failure.device_fault:
            raise RankError(failure.sentence) from self.error
        raise (TransientError if failure.retry else ValueError)(failure.sentence) from self.error


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
        with contextlib.suppress(OSError):  # not written yet, or replaced on another node
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
