"""Checkpoints: the newest two of a trial, in files named by their hash.

A file is written under another name, flushed, and renamed to `epoch-0007-<sha256>.pt`, so a reader
sees either the old state or the new one. A file whose bytes do not match its hash is skipped.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

from harness.utils.atomic import write_atomic

KEPT = 2
_DIGITS = 16


def save(folder: Path, state: dict[str, Any], *, epoch: int) -> Path:
    """Write the state after `epoch`, then drop all but the newest two checkpoints.

    Args:
        folder: Of one trial; created if missing.
        state: Tensors, numbers, text, lists and dictionaries only.
        epoch: Finished epochs.
    """
    import torch  # takes seconds, and a plan needs only KEPT

    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    path = folder / f"epoch-{epoch:04d}-{_digest(content)}.pt"
    write_atomic(path, content)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink()
    return path


def load_newest(folder: Path) -> dict[str, Any] | None:
    """Return the state of the newest whole checkpoint; None without one."""
    import torch

    for path in _newest_first(folder):
        content = path.read_bytes()
        if path.stem.endswith(_digest(content)):
            state: dict[str, Any] = torch.load(
                io.BytesIO(content), map_location="cpu", weights_only=True
            )
            return state
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.pt"), reverse=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
