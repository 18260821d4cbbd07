"""A store in a process of its own, so that MLflow takes no time from the interpreter of a run.

The process lives by its pipe: when whoever started it dies, in whatever way, it ends.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from traceback import format_exc

from harness.tracking.store import Store
from harness.tracking.uri import ENVIRONMENT, TrackingError, explain, redact, troubles

Task = Callable[[Store], None]
PATIENCE_S = 30  # for an answer of a server: nobody waits for this process
_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_PROGRAM = f"from {__name__} import main; main()"


def opened(_: Store) -> None:
    """Have the store opened, which takes seconds, before there is something to send."""


class StoreProcess:
    """The other process: it starts with the first task, and anew if it died.

    Args:
        uri: Where runs go.
        results: Folder that holds `records/` and, by default, the store.
        campaign: Name of this launch, for runs that have no record yet.
    """

    def __init__(self, uri: str, results: Path, campaign: str = "") -> None:
        self._opening = (uri, results, campaign)
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._over = False

    def _start(self) -> None:
        if self._process is not None:
            return
        if self._over:
            raise self._failed("nothing more is sent")
        ours, theirs = Pipe()
        with theirs:
            # A group of its own: Ctrl-C is for the run, which still has something to send.
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    process_group=0,
                )
            except OSError as error:
                raise self._failed(str(error)) from None
        self._pipe = ours
        self._pipe.send(self._opening)  # not an argument of the command: it may hold a password

    def do(self, task: Task) -> None:
        """Do something with the store, there, and wait for its end.

        Args:
            task: A function of a module, or a `partial` of one: it goes through a pipe. Let it be
                one of `harness.tracking`: the other process imports its module.

        Raises:
            TrackingError: If the store refuses or does not answer, or there is no process or it
                dies.
            RuntimeError: If `task` is at fault.
        """
        try:
            self._start()
            assert self._pipe is not None
            self._pipe.send(task)
            trouble, fault = self._pipe.recv()
        except (EOFError, OSError):
            code = self._ended()
            raise self._failed(f"the process that writes to it ended with {code}") from None
        if fault:
            raise RuntimeError(fault)
        if trouble:
            raise TrackingError(trouble)

    def close(self) -> None:
        """End the process; it has nothing left to do."""
        self._over = True
        self._ended()

    def kill(self) -> None:
        """End the process in the middle of a task, from another thread than that of the task."""
        self._over = True
        if self._process is not None:
            self._process.kill()

    def _ended(self) -> int | None:
        process, self._process = self._process, None
        if self._pipe is not None:
            self._pipe.close()
        return process.wait() if process is not None else None

    def _failed(self, why: str) -> TrackingError:
        return TrackingError(f"MLflow at {redact(self._opening[0])} failed: {why}")


def serve(pipe: Connection) -> None:
    """Do what comes through a pipe until nobody is at its other end.

    Args:
        pipe: Gives the arguments of `Store`, then tasks; each is answered by a sentence on what
            the store did wrong, and the trace of a fault of ours; both are empty if all is well.
    """
    uri, results, campaign = pipe.recv()
    opening, store = partial(Store, uri, results, campaign), None
    while True:
        task = pipe.recv()
        try:
            store = store or opening()
            task(store)
            answer = ("", "")
        except troubles() as error:
            store, answer = None, (explain(uri, error), "")
        except Exception:  # it is raised again at the other end
            answer = ("", redact(format_exc()))
        pipe.send(answer)


def main() -> None:
    """Serve the pipe whose number is the argument."""
    usual = ENVIRONMENT[_TIMEOUT]
    if os.environ.get(_TIMEOUT, usual) == usual:  # what a user set stays
        os.environ[_TIMEOUT] = str(PATIENCE_S)
    with contextlib.suppress(EOFError, OSError):  # whoever asked is gone
        serve(Connection(int(sys.argv[1])))
