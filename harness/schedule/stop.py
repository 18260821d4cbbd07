"""How a run is stopped: once to finish the epoch, twice to leave at once.

A signal, and a file in the results folder that any machine may write, mean the same. A process
that is asked twice raises `Interrupted` wherever it is; its locks, files and children are then
let go by the usual ways, and if these hang, it ends without them.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType

from harness.utils import lock
from harness.utils.atomic import write_atomic
from harness.utils.lock import Holder

FILE = "stop.json"
LEAVE_S = 20.0
CONFIRM_S = 30.0
_POLITE_S = LEAVE_S + 5
_URGENT_S = 5.0
_LEFT = "it has left; the same command goes on from the last epoch of each trial"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """This process was asked to end.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Stop:
    """What was asked of this process so far.

    Args:
        results: Folder in which a file may ask; None for none.
        run: Name of the run, which that file has to mention.
    """

    def __init__(self, results: Path | None = None, run: str = "") -> None:
        self._results = results
        self._run = run
        self._process = os.getpid()
        self._patient = False
        self._asked = 0
        self._left_at: float | None = None
        self.code = 0

    @property
    def asked(self) -> bool:
        """Say whether to start nothing new and end after the epoch."""
        return self._asked > 0

    @property
    def hangs(self) -> bool:
        """Say whether it has tried to leave for too long, or was asked a third time."""
        late = self._left_at is not None and time.monotonic() - self._left_at > LEAVE_S
        return late or (self._left_at is not None and self._asked > 2)

    def install(self) -> None:
        """Take the signals; whoever replaces the handlers is replaced by another call."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                signal.signal(number, self._handle)

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Let a first request be only noted; the block is to look at `asked`."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False

    def heed(self) -> None:
        """Look for the file, and pass on what it asks; called from another thread."""
        wanted = self._wanted()
        if self._asked < wanted and self._left_at is None:
            main = threading.main_thread().ident
            assert main is not None
            self.code = self.code or 128 + signal.SIGTERM
            # Ray's start takes SIGTERM for a crash, until `install` is called once more.
            signal.pthread_kill(main, signal.SIGINT)

    def _wanted(self) -> int:
        if self._results is None:
            return 0
        try:
            body = json.loads((self._results / FILE).read_bytes())
            return 0 if body["run"] != self._run else 2 if body["now"] else 1
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _handle(self, number: int, _: FrameType | None) -> None:
        if os.getpid() != self._process:
            _in_child(number)
            return
        self._asked += 1
        self.code = self.code or 128 + number
        if self._left_at is not None or (self._patient and self._asked == 1):
            return
        self._left_at = time.monotonic()
        raise Interrupted(self.code)


def _in_child(number: int) -> None:
    """Leave Ctrl-C, which a terminal sends to all, to the parent: its loaders read on meanwhile."""
    if number != signal.SIGINT:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


@contextmanager
def handled(results: Path, run: str) -> Iterator[Stop]:
    """Take the signals while a run lasts; gives them back as they were."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    stop = Stop(results, run)
    stop.install()
    try:
        yield stop
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)
        (results / FILE).unlink(missing_ok=True)


def ask(results: Path, run: str, *, now: bool) -> None:
    """Write the file that asks a run to stop."""
    write_atomic(results / FILE, json.dumps({"run": run, "now": now}).encode())


def leave(results: Path, holder: Holder) -> str:
    """Have a run end at once: by the file and, on this machine, by stronger and stronger signals.

    Returns:
        How it ended, in a sentence.

    Raises:
        ValueError: If it goes on.
    """
    ask(results, holder.run, now=True)
    gone = partial(_is_gone, results, holder)
    if wait(gone, seconds=_POLITE_S if holder.is_here else CONFIRM_S):
        return _LEFT
    if not holder.is_here:
        raise ValueError(f"no end within {CONFIRM_S:g} s: {holder}; the request stays")
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(holder.pid, number)
        if wait(gone, seconds=_URGENT_S):
            return (
                _LEFT if number != signal.SIGKILL else f"it did not answer and was killed; {_LEFT}"
            )
    raise ValueError(f"it outlives SIGKILL, as what waits for a device or a network may: {holder}")


def _is_gone(results: Path, holder: Holder) -> bool:
    if holder.is_here:
        return not holder.lives
    now = lock.holder(results)
    return not lock.is_held(results) or now is None or now.run != holder.run


def wait(condition: Callable[[], bool], *, seconds: float, every_s: float = 0.25) -> bool:
    """Wait until something is so; say whether it came."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(every_s)
    return True
