"""Atomic replacement of files, and the pieces that an interrupted one leaves."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil

from harness.utils import files

_PIECE = re.compile(r"\..+\.(\d{1,10})")
_DEPTH = 3  # of the folders of a results folder in which files are replaced
_SPARED = {
    "mlflow",
    "wandb",
    "shards",
}  # of other software; of drivers that start and end on other machines
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # as of some network file systems


def write_atomic(path: Path, content: bytes, *, is_synced: bool = True) -> None:
    """Write a file whole or not at all; a failure leaves no piece behind.

    A link in its place is replaced.

    Args:
        path: The file.
        content: Its bytes.
        is_synced: Wait until they are on the disk. Without it a power failure may damage the file.
    """
    files.make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with files.create(temporary) as file:
            file.write(content)
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if is_synced:
        _sync_folder(path.parent)


def replace_synced(part: Path, target: Path) -> None:
    """Rename a finished file into its place, after its content is on the disk."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk, where its file system offers that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> list[Path]:
    """Delete the pieces that killed processes left in a folder, and return their paths.

    A piece is hidden and ends in the id of its process; one of a living process stays. Call it
    while holding the folder, as ids of processes on other machines say nothing here.
    """
    pieces = list(_pieces(folder, _DEPTH))
    for piece in pieces:
        piece.unlink(missing_ok=True)
    return pieces


def _pieces(folder: Path, depth: int) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            if depth > 1 and entry.name not in _SPARED:
                yield from _pieces(Path(entry.path), depth - 1)
        elif _is_left(entry):
            yield Path(entry.path)


def _is_left(entry: os.DirEntry[str]) -> bool:
    match = _PIECE.fullmatch(entry.name)
    is_file = entry.is_file(follow_symlinks=False)
    return match is not None and is_file and not psutil.pid_exists(int(match[1]))
