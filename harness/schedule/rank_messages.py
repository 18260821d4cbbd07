"""What the ranks of a trial tell the process that waits for them, in files of the results folder.

Rank 0 leaves its history, and a rank that fails leaves why. The one who waits runs in another
process, perhaps on another node, and reports as a trial in one process does.
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
from harness.utils import atomic, distributed

_POLL_S = 0.5
_LEAVE_S = 30.0
_HISTORY, _FAILURE = "history.json", "failure.txt"

ProgressCallback = Callable[[list[Epoch], str], None]


class RankError(RuntimeError):
    """A rank died, and could not say why."""


def place(asked: Trial, runtime: Runtime) -> Path:
    """Return the folder in which the ranks of a trial leave what they tell, made if need be.

    Raises:
        ValueError: If the batches of the trial do not divide among its ranks.
    """
    distributed.check(asked.train.batch_videos, asked.train.norm_videos, ranks=runtime.ranks)
    found = folder(
        runtime, record.trial_key(asked, data.load_passport(asked.data, runtime.data).digest)
    )
    found.mkdir(parents=True, exist_ok=True)
    return found


def folder(runtime: Runtime, key: str) -> Path:
    """Return the folder of `place`, which may not be there."""
    return runtime.work(key) / "told"


def wait_for_ranks(
    at: Path,
    results: Path,
    hear: ProgressCallback,
    *,
    start: Callable[[], None],
    end: Callable[[], None],
) -> Record:
    """Have ranks run a trial, and pass on what they tell, in this thread.

    Args:
        at: See `place`.
        results: Where its record will be.
        hear: Called with the history so far, and with where the ranks run if they know.
        start: Starts the ranks and returns when they have ended; runs in a thread of its own.
        end: Ends the ranks; called if this thread is told to stop.

    Raises:
        ValueError: If the trial cannot run so; the sentence is that of the rank that failed.
        RankError: If a rank died.
    """
    for name in (_HISTORY, _FAILURE):
        (at / name).unlink(missing_ok=True)
    launcher, heard = _Launcher(start), _Heard(at / _HISTORY, hear)
    launcher.start()
    try:
        while launcher.is_alive():
            launcher.join(_POLL_S)
            heard.look()
    except BaseException:
        end()
        launcher.join(_LEAVE_S)
        raise
    launcher.check(at / _FAILURE)
    done = record.read(results, at.parent.name)
    assert done is not None, at
    heard.rest(done)
    return done


def run_rank(asked: Trial, runtime: Runtime, at: Path, where: str = "") -> None:
    """Be one rank of a trial, and leave what there is to tell.

    Args:
        asked: The trial.
        runtime: Where and how, with the device of this rank.
        at: See `place`.
        where: Nodes and devices of all ranks.
    """

    def report(history: list[Epoch]) -> None:
        body = {"history": [asdict(epoch) for epoch in history], "where": where}
        atomic.write_atomic(at / _HISTORY, json.dumps(body).encode())

    try:
        trial.run(asked, runtime, report)
        distributed.barrier()
    except (ValueError, ArithmeticError) as error:
        if not (at / _FAILURE).is_file():
            atomic.write_atomic(at / _FAILURE, str(error).encode())
        raise


class _Launcher(threading.Thread):
    """Waits for the ranks beside the thread that reports."""

    def __init__(self, start: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.wait = start
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.wait()
        except BaseException as error:  # handed to the thread that waits
            self.error = error

    def check(self, failure: Path) -> None:
        """Raise what went wrong; the word of a rank comes first."""
        if self.error is not None and failure.is_file():
            raise ValueError(failure.read_text(encoding="utf-8")) from self.error
        if self.error is not None:
            raise self.error


class _Heard:
    """What was told so far, to be passed on once."""

    def __init__(self, path: Path, hear: ProgressCallback) -> None:
        self.path = path
        self.hear = hear
        self.seen = ""
        self.where = ""
        self.epochs = 0

    def look(self) -> None:
        """Pass on a history that is new."""
        with contextlib.suppress(FileNotFoundError):
            text = self.path.read_text(encoding="utf-8")
            if text != self.seen:
                self.seen, body = text, json.loads(text)
                self.where = body["where"]
                self._pass([Epoch(**row) for row in body["history"]])

    def rest(self, done: Record) -> None:
        """Pass on epochs that nobody saw: rank 0 clears the folder once the record is written."""
        if len(done.history) > self.epochs:
            self._pass([Epoch(**row) for row in done.history])

    def _pass(self, history: list[Epoch]) -> None:
        self.epochs = len(history)
        self.hear(history, self.where)
