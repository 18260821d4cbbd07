"""Atomic replacement of files."""

import os
from pathlib import Path


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, through to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
