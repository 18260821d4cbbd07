"""One run at a time in a results folder; the second one is told who is at work."""

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

from harness.utils import process
from harness.utils.atomic import write_atomic

_WAIT_S = 1.0  # somebody who only looks whether the lock is held has it for an instant


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a folder, or held it last.

    Attributes:
        what: What it does, in words.
        pid: Its number.
        host: Its machine's name.
        since: Start by its own clock, UTC.
        process: See `harness.utils.process.myself`.
        machine: See `harness.utils.process.machine`.
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
    def is_here(self) -> bool:
        """Say whether its number means something on this machine."""
        return bool(self.machine) and self.machine == process.machine()

    @property
    def lives(self) -> bool | None:
        """Say whether it still runs; None if it ran on another machine."""
        return process.is_alive(self.process) if self.is_here else None


@contextlib.contextmanager
def hold(results: Path, *, what: str) -> Iterator[Holder]:
    """Hold the folder's lock; the operating system frees it when this process dies.

    Args:
        results: The folder.
        what: What this process does with it, for the other one to read.

    Raises:
        ValueError: If another process holds it; says which, since when, doing what. Or if the
            folder cannot be written.
    """
    lock = FileLock(results / "lock")
    try:
        results.mkdir(mode=0o700, parents=True, exist_ok=True)  # one that is there stays as it is
        lock.acquire(timeout=_WAIT_S)
    except Timeout:
        raise ValueError(f"{results} is in use: {_describe_holder(results)}") from None
    except OSError as error:
        raise ValueError(f"{results} cannot be written: {error.strerror}") from None
    with lock:
        mine = _new_holder(what)
        write_atomic(results / "lock.json", json.dumps(asdict(mine)).encode())
        yield mine


def read_holder(results: Path) -> Holder | None:
    """Read who holds the folder, or held it last; None if that cannot be read."""
    try:
        return Holder(**json.loads((results / "lock.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def is_held(results: Path) -> bool:
    """Say whether some process holds the folder, as far as its file system has locks."""
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
        process=process.myself(),
        machine=process.machine(),
        run=uuid.uuid4().hex,
    )


def _describe_holder(results: Path) -> str:
    found = read_holder(results)
    if found is None or found.lives is False:
        return "another process has just started there"
    return str(found)
