"""This machine and this process, named so that another one can tell whether they still live."""

import contextlib
import hashlib
import os
import platform
from pathlib import Path


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
    """Return when a process started, in ticks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
