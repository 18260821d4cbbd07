"""A store in a separate process, so that MLflow takes no time from a run's interpreter.

The process ends when its pipe closes, and thus whenever the process that started it dies.
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

from harness.tracking.errors import (
    TrackingError,
    describe_error,
    retry_if_disconnected,
    store_errors,
    title_of,
)
from harness.tracking.sinks import Sink, open_sink
from harness.tracking.uri import ENVIRONMENT
from harness.utils import children
from harness.utils.redaction import redact

Task = Callable[[Sink], None]
REQUEST_TIMEOUT_S = 30  # no trial waits for this process
_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_PROGRAM = f"from {__name__} import main; main()"


def open_store(_: Sink) -> None:
    """Open the store, which takes seconds, ahead of the first update."""


class StoreProcess:
    """A process that holds the store; it starts with the first task, and again after it died.

    Args:
        uri: Address of the store.
        results: Folder that holds `records/` and, by default, the store.
        campaign: Name of this launch, for runs without a record.
    """

    def __init__(self, uri: str, results: Path, campaign: str = "") -> None:
        self._store_args = (uri, results, campaign)
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._is_closed = False

    def _start(self) -> None:
        if self._process is not None:
            return
        if self._is_closed:
            raise self._error("its writer process is closed")
        ours, theirs = Pipe()
        with theirs:
            # A group of its own: Ctrl-C is for the run, which still has updates to send.
            try:
                self._process = subprocess.Popen(
                    children.command("-c", _PROGRAM, str(theirs.fileno())),
                    env=children.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    process_group=0,
                )
            except OSError as error:
                raise self._error(str(error)) from None
        self._pipe = ours
        self._pipe.send(self._store_args)  # not an argument of the command: it may hold a password

    def run_task(self, task: Task) -> None:
        """Run a task on the store, in the other process, and wait for its end.

        Args:
            task: A function of a module, or a `partial` of one: it goes through a pipe. It should
                be one of `harness.tracking`: the other process imports its module.

        Raises:
            TrackingError: If the store refuses or does not respond, or the process does not start
                or dies.
            RuntimeError: If `task` has a bug.
        """
        try:
            self._start()
            assert self._pipe is not None
            self._pipe.send(task)
            failure, trace = self._pipe.recv()
        except (EOFError, OSError):
            code = self._wait()
            raise self._error(f"its writer process exited with code {code}") from None
        if trace:
            raise RuntimeError(trace)
        if failure:
            raise TrackingError(failure)

    def close(self) -> None:
        """End the process, which is idle."""
        self._is_closed = True
        self._wait()

    def kill(self) -> None:
        """End the process in the middle of a task, from a thread that does not run the task."""
        self._is_closed = True
        if self._process is not None:
            self._process.kill()

    def _wait(self) -> int | None:
        """Close the pipe and return the exit code of the process."""
        process, self._process = self._process, None
        if self._pipe is not None:
            self._pipe.close()
        return process.wait() if process is not None else None

    def _error(self, reason: str) -> TrackingError:
        uri = self._store_args[0]
        return TrackingError(f"{title_of(uri)} at {redact(uri)} failed: {redact(reason)}")


def run_tasks(pipe: Connection) -> None:
    """Run the tasks that come through a pipe until its other end closes.

    Args:
        pipe: Gives the arguments of `open_sink`, then tasks. It takes two texts for each task: the
            failure of the store, and the trace of a bug of ours; both are empty after a success.
    """
    uri, results, campaign = pipe.recv()
    make_store, store = partial(open_sink, uri, results, campaign), None

    def run(task: Task) -> None:
        nonlocal store
        store = store or make_store()
        task(store)

    while True:
        task = pipe.recv()
        try:
            retry_if_disconnected(partial(run, task))
            response = ("", "")
        except store_errors() as error:
            store, response = None, (describe_error(uri, error), "")
        except Exception:  # it is raised again at the other end
            response = ("", redact(format_exc(), uri))
        pipe.send(response)


def main() -> None:
    """Run the tasks of the pipe whose file descriptor is the argument."""
    default = ENVIRONMENT[_TIMEOUT]
    if os.environ.get(_TIMEOUT, default) == default:  # a user's own value stays
        os.environ[_TIMEOUT] = str(REQUEST_TIMEOUT_S)
    with contextlib.suppress(EOFError, OSError):  # the other end is gone
        run_tasks(Connection(int(sys.argv[1])))
