"""This machine and this process, named so that another one can tell whether they still live."""

import contextlib
import hashlib
import os
import platform
from pathlib import Path

import psutil


def host() -> str:
    """Name this machine without telling its name."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def machine() -> str:
    """Name what the numbers of processes belong to: one start of a machine, one container."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def myself() -> str:
    """Name this process as `<number> <start>`; a number is used again one day."""
    return f"{os.getpid()} {_birth(os.getpid())}"


def is_alive(process: str) -> bool:
    """Say whether a process lives that `myself` named; yes where that cannot be known."""
    pid, _, birth = process.partition(" ")
    return not birth or _birth(int(pid)) == birth


def _birth(pid: int) -> str:
    """Return when a process started, in seconds since the machine did; nothing if it has ended.

    Counted from the start of the machine, since a clock that is set moves all other times.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return f"{process.create_time() - psutil.boot_time():.2f}"
    except psutil.Error:
        return ""
