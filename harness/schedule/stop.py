"""Requests to stop a run: once to finish the epoch, twice to leave at once.

A signal means the same as a file in the results folder, which any machine may write. A second
request raises `Interrupted` wherever the process is, so that its locks, files and children are
released the usual way. If that hangs, or a third request comes, the watchdog ends the process.
"""

import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from functools import partial
from pathlib import Path
from types import FrameType

import psutil

from harness.utils import json_file, lock
from harness.utils.atomic import write_atomic
from harness.utils.lock import Holder

FILE = "stop.json"
_MAX_BYTES = 1_000
LEAVE_S = 20.0
CONFIRM_S = 30.0
_TICK_S = 0.25
_POLITE_S = LEAVE_S + 5
_URGENT_S = 5.0
_DEATH_S = 30.0  # a killed process gives back its memory first
_RESUMABLE = "the run has ended; the same command resumes each trial from its last epoch"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A request to end this process.

    Attributes:
        code: Exit code of the process.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Urgency(IntEnum):
    """The urgency of a request to stop; a second request raises it."""

    NONE = 0
    AFTER_EPOCH = 1
    NOW = 2


class Stop:
    """Requests to stop this process.

    Args:
        results: Folder of the file that requests a stop; None to take signals only.
        run: Name of the run, which the file has to mention.

    Attributes:
        urgency: Of the requests so far.
        code: Exit code that the first request asks for; 0 without one.
    """

    def __init__(self, results: Path | None = None, run: str = "") -> None:
        self._results = results
        self._run = run
        self._process = os.getpid()
        self._is_graceful = False
        self._leave_by = math.inf
        self.urgency = Urgency.NONE
        self.code = 0

    @property
    def is_requested(self) -> bool:
        """Return whether to start no more trials, and to end after the epoch."""
        return self.urgency > Urgency.NONE

    @property
    def _is_leaving(self) -> bool:
        return self._leave_by < math.inf

    @property
    def must_exit(self) -> bool:
        """Return whether leaving takes too long, or a third request has come."""
        return time.monotonic() > self._leave_by

    def install_handlers(self) -> None:
        """Install the signal handlers, or install them again after another library has."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                signal.signal(number, self._handle)

    @contextmanager
    def graceful(self) -> Iterator[None]:
        """Let the first request raise nothing: the block checks `is_requested` after each epoch."""
        self._is_graceful = True
        try:
            yield
        finally:
            self._is_graceful = False

    @contextmanager
    def watchdog(
        self,
        *,
        on_request: Callable[[], None] = lambda: None,
        on_exit: Callable[[], None] = lambda: None,
    ) -> Iterator[None]:
        """Poll the file, and end a process that hangs, in a thread beside the block.

        Args:
            on_request: Called after the first request, from the thread.
            on_exit: Called from the thread before it ends the process without tidying up.
        """
        closed = threading.Event()
        words = (closed, on_request, on_exit)
        thread = threading.Thread(target=self._watch, args=words, name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            closed.set()
            thread.join()

    def _watch(
        self, closed: threading.Event, on_request: Callable[[], None], on_exit: Callable[[], None]
    ) -> None:
        is_announced = False
        while not closed.wait(_TICK_S):
            self.poll_file()
            if self.must_exit:
                try:
                    on_exit()
                finally:
                    os._exit(self.code)  # the system frees the locks, and Ray ends by itself
            if self.is_requested and not is_announced:
                is_announced = True
                on_request()

    def poll_file(self) -> None:
        """Forward a request in the file as a signal to the main thread."""
        if self.urgency < self._read_file() and not self._is_leaving:
            main = threading.main_thread().ident
            assert main is not None
            self.code = self.code or 128 + signal.SIGTERM
            # Ray takes SIGTERM for a crash from its start until `install_handlers` is called again.
            signal.pthread_kill(main, signal.SIGINT)

    def _read_file(self) -> Urgency:
        if self._results is None:
            return Urgency.NONE
        try:
            body = json_file.read(self._results / FILE, "stop")
        except (OSError, ValueError):
            return Urgency.NONE
        if body["run"] != self._run:
            return Urgency.NONE
        return Urgency.NOW if body["now"] else Urgency.AFTER_EPOCH

    def _handle(self, number: int, _: FrameType | None) -> None:
        if os.getpid() != self._process:
            _handle_in_child(number)
            return
        if self.urgency == Urgency.NOW:
            self._leave_by = -math.inf
            return
        self.urgency = Urgency(self.urgency + 1)
        self.code = self.code or 128 + number
        may_finish_epoch = self._is_graceful and self.urgency == Urgency.AFTER_EPOCH
        if may_finish_epoch or self._is_leaving:
            return
        self._leave_by = time.monotonic() + LEAVE_S
        raise Interrupted(self.code)


def _handle_in_child(number: int) -> None:
    """Ignore Ctrl-C, which a terminal sends to all: loaders serve the parent until it has ended."""
    if number != signal.SIGINT:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


@contextmanager
def handle_signals(results: Path, run: str) -> Iterator[Stop]:
    """Handle signals during a run, and restore the earlier handlers after it."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    stop = Stop(results, run)
    stop.install_handlers()
    try:
        yield stop
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)
        (results / FILE).unlink(missing_ok=True)


def request_stop(results: Path, run: str, *, now: bool) -> None:
    """Write the file that requests a run to stop."""
    write_atomic(results / FILE, json.dumps({"run": run, "now": now}).encode())


def force_stop(results: Path, holder: Holder) -> str:
    """End a run at once: by the file and, on this machine, by ever stronger signals.

    Returns:
        A sentence on how it ended.

    Raises:
        ValueError: If it is still running, or is not the process that holds the folder.
    """
    if holder.is_local:
        with suppress(psutil.NoSuchProcess):
            lock.check_holder(results, holder)
    request_stop(results, holder.run, now=True)
    has_ended = partial(_has_ended, results, holder)
    if wait_until(has_ended, seconds=_POLITE_S if holder.is_local else CONFIRM_S):
        return _RESUMABLE
    if not holder.is_local:
        raise ValueError(f"still running after {CONFIRM_S:g} s: {holder}; the request stays")
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        is_killed = number == signal.SIGKILL
        lock.signal_holder(results, holder, number)
        if wait_until(has_ended, seconds=_DEATH_S if is_killed else _URGENT_S):
            return f"it did not respond and was killed; {_RESUMABLE}" if is_killed else _RESUMABLE
    raise ValueError(f"SIGKILL had no effect; the process may wait for a device or disk: {holder}")


def _has_ended(results: Path, holder: Holder) -> bool:
    if holder.is_local:
        return not holder.is_alive
    now = lock.read_holder(results)
    return not lock.is_held(results) or now is None or now.run != holder.run


def wait_until(condition: Callable[[], bool], *, seconds: float, every_s: float = 0.25) -> bool:
    """Wait until a condition holds, and return whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True
