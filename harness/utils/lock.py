"""A lock that allows one process at a time in a results folder, and names its holder.

The operating system frees it when its holder dies. Where the file system refuses such locks (Lustre
mounted without `flock`), a file that exists while the folder is held takes their place: on the
holder's machine it is removed once the holder is dead; another machine cannot tell, and says how to
remove it.
"""

import contextlib
import errno
import fcntl
import json
import os
import platform
import re
import signal
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from harness.utils import files, json_file, process
from harness.utils.atomic import write_atomic
from harness.utils.redaction import redact

FILE = "lock.json"
_FILE, MARK = "lock", "lock.held"
_REFUSALS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
_MAX_BYTES = 10_000
_MAX_TEXT = 2_000
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
        command: See `harness.utils.process.command`.
    """

    what: str
    pid: int
    host: str
    since: str
    process: str = ""
    machine: str = ""
    run: str = ""
    command: str = ""

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


class InUseError(ValueError):
    """Another process, `by` in words, holds a folder."""

    def __init__(self, folder: Path, by: str) -> None:
        super().__init__(f"{folder} is in use: {by}")
        self.by = by


@contextlib.contextmanager
def hold(results: Path, *, what: str) -> Iterator[Holder]:
    """Take the folder's lock as `take` does, and tell others who this is and `what` it does."""
    with take(results):
        holder = _new_holder(what)
        write_atomic(results / FILE, json.dumps(asdict(holder)).encode())
        yield holder


@contextlib.contextmanager
def take(results: Path, *, wait_s: float = _WAIT_S) -> Iterator[None]:
    """Take the folder's lock, after a wait of `wait_s` seconds at most for another process.

    Raises:
        InUseError: If another process holds it, with the task of that process and its start.
        ValueError: If the folder cannot be written, or can be written by other users.
    """
    try:
        files.make_folder(results)  # keeps the mode of an existing one
        files.check_private(results)
        lock = _acquire(results, wait_s)
    except Timeout:
        raise InUseError(results, _describe_holder(results)) from None
    except OSError as error:
        if _lock_file(results).is_symlink():
            raise ValueError(f"{_lock_file(results)} is a link; remove it") from None
        raise ValueError(f"{results} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


def _acquire(results: Path, wait_s: float) -> BaseFileLock:
    """Return a lock of the folder that this process has acquired.

    Raises:
        Timeout: If another process holds it.
        OSError: If the folder cannot be written.
    """
    lock: BaseFileLock = FileLock(results / _FILE, fallback_to_soft=False)
    try:
        lock.acquire(timeout=wait_s)
    except OSError as error:
        if isinstance(error, Timeout) or error.errno not in _REFUSALS:
            raise
        lock = SoftFileLock(results / MARK)
        lock.acquire(timeout=wait_s)
    return lock


def read_holder(results: Path) -> Holder | None:
    """Read the holder of a folder, or the last one; None if it is missing or damaged."""
    body = json_file.find(results / FILE, "lock", max_bytes=_MAX_BYTES)
    holder = None if body is None else Holder(**body)
    return holder if holder and _is_sound(holder) else None


def _is_sound(holder: Holder) -> bool:
    """Return whether a holder can be one: its process has its id, and its text is text."""
    texts = [text for text in vars(holder).values() if isinstance(text, str)]
    return (
        all(text.isprintable() and len(text) <= _MAX_TEXT for text in texts)
        and holder.pid > 1
        and (not holder.process or re.fullmatch(r"\d+ [\d.]+", holder.process) is not None)
        and holder.process.partition(" ")[0] in ("", str(holder.pid))
    )


def is_held(results: Path) -> bool:
    """Return whether a process holds the folder, as far as its file system supports locks."""
    try:
        file = os.open(_lock_file(results), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        return error.errno in _REFUSALS and _is_held_by_mark(results)
    finally:
        os.close(file)
    return False


def _is_held_by_mark(results: Path) -> bool:
    """Return whether a process of this machine holds the folder by a file; others are unknown."""
    holder = read_holder(results)
    return (results / MARK).exists() and holder is not None and holder.is_alive is True


def signal_holder(results: Path, holder: Holder, number: signal.Signals) -> None:
    """Send a signal to the process that holds a folder of this machine; nothing if it has ended.

    Raises:
        ValueError: If that process is another than `holder` says; nothing is signalled.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        check_holder(results, holder).send_signal(number)


def check_holder(results: Path, holder: Holder) -> psutil.Process:
    """Return the process that holds a folder: a file that names it is no proof.

    Raises:
        ValueError: If its id, start, user or command differ, or if it does not have the lock open.
        psutil.NoSuchProcess: If it has ended.
    """
    if not _is_sound(holder) or not holder.process or holder.pid == os.getpid():
        raise _refusal(results, holder, "is not that of a run")
    if not process.is_alive(holder.process):
        raise psutil.NoSuchProcess(holder.pid)
    driver = psutil.Process(holder.pid)
    if driver.uids().real != os.getuid():
        raise _refusal(results, holder, "belongs to another user")
    if not holder.command or process.command(holder.pid) != holder.command:
        raise _refusal(results, holder, "runs another command")
    if not (process.has_open(driver, _lock_file(results)) or _is_held_by_mark(results)):
        raise _refusal(results, holder, "does not hold its lock")
    return driver


def _refusal(results: Path, holder: Holder, why: str) -> ValueError:
    return ValueError(
        f"process {holder.pid}, which {results / FILE} names, {why}; nothing was signalled"
    )


def _lock_file(results: Path) -> Path:
    return results / _FILE


def _new_holder(what: str) -> Holder:
    return Holder(
        what=redact(what),
        pid=os.getpid(),
        host=platform.node(),
        since=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        process=process.current_process(),
        machine=process.machine_id(),
        run=uuid.uuid4().hex,
        command=process.command(os.getpid()),
    )


def _describe_holder(results: Path) -> str:
    holder, mark = read_holder(results), results / MARK
    if holder is None or holder.is_alive is False:  # the file is still that of an earlier holder
        holder, who = None, "another process has just started there"
    else:
        who = str(holder)
    if mark.exists() and (holder is None or not holder.is_local):
        return (
            f"{who}; if that process is dead, delete {mark}: this file system has no locks that "
            "end with their process, and another machine cannot tell"
        )
    return who
