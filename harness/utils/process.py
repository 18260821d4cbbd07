"""Signs of life of other processes: names of machines and processes, and a child's parent."""

import contextlib
import hashlib
import multiprocessing
import os
import platform
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

_COMMAND_DIGITS = 16
_PID_DIGITS = 10
_POLL_S = 1.0


def hashed_hostname() -> str:
    """Return an anonymous name of this machine: a hash of its host name."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def machine_id() -> str:
    """Return an id of the scope of process ids: one boot of a machine, one container."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def current_process() -> str:
    """Return this process as `<pid> <start>`, since a pid alone is reused one day."""
    return f"{os.getpid()} {_start_time(os.getpid())}"


def is_alive(process: str) -> bool:
    """Return whether a process named by `current_process` is alive; True if unknown."""
    pid, _, start = process.partition(" ")
    is_name = pid.isascii() and pid.isdecimal() and len(pid) <= _PID_DIGITS
    return not start or not is_name or _start_time(int(pid)) == start


def command(pid: int) -> str:
    """Return a hash of the command of a process, which may hold a password; nothing if unknown."""
    try:
        words = "\0".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""
    return hashlib.sha256(words.encode(errors="surrogateescape")).hexdigest()[:_COMMAND_DIGITS]


def has_open(process: psutil.Process, path: Path) -> bool:
    """Return whether a process has a file open, by any name."""
    with contextlib.suppress(OSError, psutil.Error):
        return any(
            Path(file.path).samefile(path)
            for file in process.open_files()
            if Path(file.path).name == path.name
        )
    return False


def exit_with_parent() -> None:
    """End this process, which multiprocessing has started, as soon as its parent has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(process: BaseProcess) -> None:
    process.join()
    os._exit(1)


def exit_with_starter() -> None:
    """End this process, a child of `subprocess`, soon after its parent has ended."""
    threading.Thread(target=_exit_after_pid, args=(os.getppid(),), daemon=True).start()


def _exit_after_pid(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os._exit(1)


def _start_time(pid: int) -> str:
    """Return the start of a process in seconds since boot; nothing if it has ended.

    Seconds since boot do not move when the clock is set.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return f"{process.create_time() - psutil.boot_time():.2f}"
    except psutil.Error:
        return ""
