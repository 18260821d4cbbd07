"""A note in a shared folder that tells processes on other nodes to stop."""

import contextlib
from pathlib import Path

FILE = "stop.txt"


def clear(folder: Path) -> None:
    """Make the note say nothing yet."""
    _write(folder, "")


def write(folder: Path) -> None:
    """Ask the readers of the note to stop."""
    _write(folder, "stop")


def is_written(folder: Path) -> bool:
    """Return whether the note says to stop."""
    with contextlib.suppress(OSError):  # missing, or stale: the next look will tell
        return bool((folder / FILE).read_text(encoding="utf-8"))
    return False


def _write(folder: Path, text: str) -> None:
    # In place: NFS checks an existing file anew whenever it is opened.
    (folder / FILE).write_text(text, encoding="utf-8")
