"""Checkpoints: the newest two of a trial, in files named by their hash.

A file is written under another name, flushed, and renamed to `epoch-0007-<sha256>.pt`, or within
the epoch that follows to `epoch-0007.000120-<sha256>.pt` with its finished steps, so a reader sees
either the old state or the new one. It holds the trial, the data and the code that it belongs to. A
file whose bytes do not match its hash, or that belongs to something else, is passed over: its trial
goes on from the checkpoint before it, or starts again.
"""

import contextlib
import hashlib
import io
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.utils.atomic import write_atomic
from harness.utils.transient import TransientError

KEPT = 2
_SEEN_S = 90.0  # a network file system shows new files to other nodes within a minute
_POLL_S = 1.0
_DIGITS = 16
OWNER = "owner"
_LOG = logging.getLogger(__name__)
Owner = Mapping[str, str]


def save(folder: Path, state: dict[str, Any], *, epoch: int, step: int = 0) -> Path:
    """Write the state after `epoch`, then drop all but the newest two checkpoints.

    The newest one between two epochs stays as well.

    Args:
        folder: Of one trial; created if missing.
        state: Tensors, numbers, text, lists and dictionaries only; under `OWNER` the hashes of
            the trial, the data and the code that it belongs to.
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


def load_newest(folder: Path, owner: Owner | None = None) -> dict[str, Any] | None:
    """Return the state of the newest whole checkpoint; None without one.

    Rank 0 chooses it. Other ranks read the file that it names, whose name holds the hash of its
    content, so that all of them go on from the same bytes.

    Args:
        folder: Of one trial.
        owner: What the state must belong to; None to read it whatever it belongs to.

    Raises:
        TransientError: If a rank does not see that file, as on a network file system that shows
            an older listing of the folder to its node.
    """
    from harness.utils import distributed

    rank = distributed.rank()
    name, state = _newest_state(folder, owner) if rank == 0 else ("", None)
    name = distributed.choose_by_first(name)
    if not name:
        return None
    return state or _parse(_read_named(folder, name, rank))


def _newest_state(folder: Path, owner: Owner | None) -> tuple[str, dict[str, Any] | None]:
    """Return name and state of the newest file that can be believed; empty and None without one."""
    for path in _newest_first(folder):
        try:
            state = _parse(_read_whole(path))
            _check_owner(state, owner)
        except FileNotFoundError:  # an old listing: another node dropped it
            continue
        except (OSError, ValueError) as error:
            _LOG.warning(
                "%s is passed over: %s; without another, its trial starts again", path, error
            )
            continue
        return path.name, state
    return "", None


def _read_whole(path: Path) -> bytes:
    content = path.read_bytes()
    if not _is_whole(path, content):
        raise ValueError("its content differs from the hash in its name")
    return content


def _parse(content: bytes) -> dict[str, Any]:
    """Return the state in a file, as weights only.

    Raises:
        ValueError: If it holds anything else.
    """
    import torch

    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the unpickler of a foreign file meets
        raise ValueError(f"it holds no weights ({type(error).__name__})") from None
    if isinstance(state, dict) and isinstance(state.get("history"), list):
        return state
    raise ValueError("it is no state of a trial")


def _check_owner(state: dict[str, Any], owner: Owner | None) -> None:
    """Refuse a state that belongs to something else, or does not say to what.

    Raises:
        ValueError: With what differs.
    """
    if owner is None:
        return
    found = state.get(OWNER)
    if not isinstance(found, dict) or not found:
        raise ValueError("it does not say which trial, data and code it belongs to")
    others = [name for name, value in owner.items() if found.get(name) != value]
    if others:
        raise ValueError(f"it belongs to other {' and '.join(others)}")


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
