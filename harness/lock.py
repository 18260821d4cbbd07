"""One run at a time in a results folder; the second one is told who is at work."""

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout


@contextlib.contextmanager
def held(results: Path, *, what: str) -> Iterator[None]:
    """Hold the folder's lock; the operating system frees it when this process dies.

    Args:
        results: The folder.
        what: What this process does with it, for the other one to read.

    Raises:
        ValueError: If another process holds it; says which, since when, doing what. Or if the
            folder cannot be written.
    """
    holder = results / "lock.json"
    lock = FileLock(results / "lock")
    try:
        results.mkdir(mode=0o700, parents=True, exist_ok=True)  # one that is there stays as it is
        lock.acquire(blocking=False)
    except Timeout:
        raise ValueError(f"{results} is in use: {_describe(holder)}") from None
    except OSError as error:
        raise ValueError(f"{results} cannot be written: {error.strerror}") from None
    with lock:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        body = {"what": what, "pid": os.getpid(), "host": platform.node(), "since": now}
        holder.write_text(json.dumps(body), encoding="utf-8")
        yield


def _describe(holder: Path) -> str:
    try:
        body = json.loads(holder.read_text(encoding="utf-8"))
        return f"{body['what']} since {body['since']} by process {body['pid']} on {body['host']}"
    except (OSError, ValueError, KeyError):
        return "another process has just started there"
