"""Facts about the machine of one node: GPUs, shared memory, open files, locks, time stamps.

Questions to GPUs are asked in processes with a time limit, since a driver may hang. Does not import
Ray.
"""

import contextlib
import os
import resource
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from harness.schedule import child
from harness.schedule.child import ChildError
from harness.schedule.ray.node_probe import NodeFacts
from harness.utils import files, lock
from harness.utils.lock import InUseError

LIMIT_S = 120.0
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_STAMP_NS = 1_700_000_000_123_456_789
_REFUSED = "it refuses flock, and a file takes the place of a lock"
_UNSEEN = "a lock that the driver holds can be taken here"
_PROGRAM = "from harness.schedule.ray import gpu_probe; gpu_probe.main()"


@contextlib.contextmanager
def locked_folder(results: Path) -> Iterator[Path]:
    """Make a folder that this process holds, for nodes to try its lock."""
    folder = results / f".locked-{uuid.uuid4().hex}"
    files.make_folder(folder)
    try:
        with lock.take(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def describe_machine(folder: Path) -> NodeFacts:
    """Return the facts about this machine.

    Args:
        folder: A folder of the results that the driver holds.
    """
    has_shm, gpus = _SHARED_MEMORY.is_dir(), ask_gpus("describe")
    return {
        "shm_bytes": shutil.disk_usage(_SHARED_MEMORY).free if has_shm else None,
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "locks": lock_problem(folder),
        "stamp_ns": stamp_error_ns(folder),
        "gpus": gpus,
        "all_reduce": ask_gpus("all-reduce") if gpus.get("gpus") else {},
    }


def lock_problem(folder: Path) -> str:
    """Return why locks of a folder do not work between processes; nothing if they do."""
    try:
        with lock.take(folder, wait_s=0):
            return _UNSEEN
    except InUseError:
        return _REFUSED if (folder / lock.MARK).exists() else ""
    except ValueError as error:
        return str(error)


def stamp_error_ns(folder: Path) -> int:
    """Return by how many nanoseconds the file system changes a time stamp."""
    path = folder / f"stamp-{uuid.uuid4().hex}"
    path.touch()
    os.utime(path, ns=(_STAMP_NS, _STAMP_NS))
    error = abs(path.stat().st_mtime_ns - _STAMP_NS)
    path.unlink()
    return error


def ask_gpus(question: str, *, limit_s: float = LIMIT_S) -> NodeFacts:
    """Ask the GPUs of this machine a question of `gpu_probe`; `error` says why there is no answer.

    Args:
        question: `describe` or `all-reduce`.
        limit_s: Longest wait for the answer, in seconds.
    """
    try:
        facts: NodeFacts = child.ask(_PROGRAM, question, limit_s=limit_s)
    except ChildError as error:
        return {"error": str(error)}
    return facts
