"""Atomic replacement of files."""

import os
from pathlib import Path

from harness.utils import files


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, through to the disk; a link in its place is replaced."""
    files.make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with files.create(temporary) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
