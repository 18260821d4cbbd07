"""A lock that allows one process at a time in a results folder, and names its holder."""

import contextlib
import fcntl
import json
import os
import platform
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from harness.utils import json_file, process
from harness.utils.atomic import write_atomic

_WAIT_S = 1.0  # `is_held` in another process takes the lock for an instant


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The process that holds a folder, or held it last.

    Attributes:
        what: Its task, in words.
        pid: Its process id.
        host: Name of its machine.
        since: Start, by its own clock, UTC.
        process: See `harness.utils.process.current_process`.
        machine: See `harness.utils.process.machine_id`.
        run: A name that no other run has.
    """

    what: str
    pid: int
    host: str
    since: str
    process: str = ""
    machine: str = ""
    run: str = ""

    def __str__(self) -> str:
        return f"{self.what} since {self.since} by process {self.pid} on {self.host}"

    @property
    def is_local(self) -> bool:
        """Return whether its process id belongs to this machine."""
        return bool(self.machine) and self.machine == process.machine_id()

    @property
    def is_alive(self) -> bool | None:
        """Return whether it still runs; None if it ran on another machine."""
        return process.is_alive(self.process) if self.is_local else None


@contextlib.contextmanager
def hold(results: Path, *, what: str) -> Iterator[Holder]:
    """Hold the folder's lock; the operating system frees it when this process dies.

    Args:
        results: The folder.
        what: Task of this process, for others to read.

    Raises:
        ValueError: If another process holds it, with its task and its start, or if the folder
            cannot be written.
    """
    lock = FileLock(results / "lock")
    try:
        results.mkdir(mode=0o700, parents=True, exist_ok=True)  # keeps the mode of an existing one
        lock.acquire(timeout=_WAIT_S)
    except Timeout:
        raise ValueError(f"{results} is in use: {_describe_holder(results)}") from None
    except OSError as error:
        raise ValueError(f"{results} cannot be written: {error.strerror}") from None
    with lock:
        holder = _new_holder(what)
        write_atomic(results / "lock.json", json.dumps(asdict(holder)).encode())
        yield holder


def read_holder(results: Path) -> Holder | None:
    """Read the holder of a folder, or the last one; None if it is missing or damaged."""
    body = json_file.find(results / "lock.json", "lock")
    return None if body is None else Holder(**body)


def is_held(results: Path) -> bool:
    """Return whether a process holds the folder, as far as its file system supports locks."""
    try:
        with (results / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _new_holder(what: str) -> Holder:
    return Holder(
        what=what,
        pid=os.getpid(),
        host=platform.node(),
        since=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        process=process.current_process(),
        machine=process.machine_id(),
        run=uuid.uuid4().hex,
    )


def _describe_holder(results: Path) -> str:
    holder = read_holder(results)
    if holder is None or holder.is_alive is False:  # the file is still that of an earlier holder
        return "another process has just started there"
    return str(holder)
