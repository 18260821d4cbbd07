"""Checkpoints: the newest two of a trial, in files named by their hash.

A file is written under another name, flushed, and renamed to `epoch-0007-<sha256>.pt`, or within
the epoch that follows to `epoch-0007.000120-<sha256>.pt` with its finished steps, so a reader sees
either the old state or the new one. A file whose bytes do not match its hash is skipped.
"""

import contextlib
import hashlib
import io
import time
from pathlib import Path
from typing import Any

from harness.utils.atomic import write_atomic
from harness.utils.transient import TransientError

KEPT = 2
_SEEN_S = 90.0  # a network file system shows new files to other nodes within a minute
_POLL_S = 1.0
_DIGITS = 16


def save(folder: Path, state: dict[str, Any], *, epoch: int, step: int = 0) -> Path:
    """Write the state after `epoch`, then drop all but the newest two checkpoints.

    The newest one between two epochs stays as well.

    Args:
        folder: Of one trial; created if missing.
        state: Tensors, numbers, text, lists and dictionaries only.
        epoch: Finished epochs.
        step: Finished steps of the next one.
    """
    import torch  # takes seconds, and a plan needs only KEPT

    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    within = f".{step:06d}" if step else ""
    path = folder / f"epoch-{epoch:04d}{within}-{_digest(content)}.pt"
    write_atomic(path, content)
    paths = _newest_first(folder)
    between = [path for path in paths if "." not in path.stem]
    for old in set(paths[KEPT:]) - set(between[:1]):
        old.unlink()
    return path


def load_newest(folder: Path) -> dict[str, Any] | None:
    """Return the state of the newest whole checkpoint; None without one.

    Rank 0 chooses it. Other ranks read the file that it names, whose name holds the hash of its
    content, so that all of them go on from the same bytes.

    Raises:
        TransientError: If a rank does not see that file, as on a network file system that shows
            an older listing of the folder to its node.
    """
    import torch

    from harness.utils import distributed

    rank = distributed.rank()
    name, content = _newest_content(folder) if rank == 0 else ("", b"")
    name = distributed.choose_by_first(name)
    if not name:
        return None
    whole = content or _read_named(folder, name, rank)
    state: dict[str, Any] = torch.load(io.BytesIO(whole), map_location="cpu", weights_only=True)
    return state


def _newest_content(folder: Path) -> tuple[str, bytes]:
    """Return name and content of the newest whole file; both empty without one."""
    for path in _newest_first(folder):
        with contextlib.suppress(FileNotFoundError):  # an old listing: another node dropped it
            content = path.read_bytes()
            if _is_whole(path, content):
                return path.name, content
    return "", b""


def _read_named(folder: Path, name: str, rank: int) -> bytes:
    """Return the content of the file that rank 0 chose, once this node sees it."""
    deadline = time.monotonic() + _SEEN_S
    while True:
        with contextlib.suppress(OSError):
            content = (folder / name).read_bytes()
            if _is_whole(folder / name, content):
                return content
        if time.monotonic() > deadline:
            raise TransientError(
                f"rank 0 resumes from {name}, and rank {rank} does not find it in "
                f"{folder} within {_SEEN_S:g} s: its node sees other files there; check that all "
                "nodes mount the results folder, and run the command again"
            )
        time.sleep(_POLL_S)


def _is_whole(path: Path, content: bytes) -> bool:
    return path.stem.endswith(f"-{_digest(content)}")


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.pt"), reverse=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
