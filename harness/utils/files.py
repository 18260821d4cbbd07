"""Folders for this user alone, and files that are opened without following links."""

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import BinaryIO

_FOLDER_MODE = 0o700
_FILE_MODE = 0o644  # whatever the umask: nobody else writes
_OTHERS_WRITE = stat.S_IWOTH
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would wait for its other end


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents, for this user alone; an existing one stays as it is.

    Every folder of the harness is made here.
    """
    if not path.parent.is_dir():
        make_folder(path.parent)
    path.mkdir(mode=_FOLDER_MODE, exist_ok=True)


def check_private(folder: Path) -> None:
    """Refuse a folder whose files other users could replace.

    Raises:
        ValueError: If another user owns the folder or may write to it.
    """
    state = folder.stat()
    if state.st_uid != os.geteuid():
        raise ValueError(f"{folder} belongs to another user; choose a folder of your own")
    writers = _OTHERS_WRITE if _is_group_of_one(state.st_gid) else _OTHERS_WRITE | stat.S_IWGRP
    if state.st_mode & writers:
        raise ValueError(f"other users can write to {folder}; first run: chmod go-w '{folder}'")


def _is_group_of_one(group: int) -> bool:
    """Return whether a group holds this user alone, as where a umask of 002 is the default."""
    try:
        entry, user = grp.getgrgid(group), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group == user.pw_gid and entry.gr_name == user.pw_name and not entry.gr_mem


def create(path: Path) -> BinaryIO:
    """Open a new file to write; whatever has its name is removed first, and no link is followed."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
    return os.fdopen(os.open(path, flags, _FILE_MODE), "wb")


def open_to_append(path: Path, *, below: Path | None = None) -> BinaryIO:
    """Open a log or journal without a buffer, in a folder that is made if need be.

    Args:
        path: The file.
        below: Folder that no link may lead out of.

    Raises:
        ValueError: If the file is a link, its folder leads elsewhere, or other users can write to
            the folder.
    """
    make_folder(path.parent)
    check_below(path.parent, below or path.parent)
    check_private(path.parent)
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    return os.fdopen(descriptor, "a+b", buffering=0)


def check_below(folder: Path, root: Path) -> None:
    """Refuse a folder that a link leads out of another.

    Raises:
        ValueError: With the place where it leads.
    """
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{folder} leads to {folder.resolve()}; remove that link")


def open_regular(path: Path, flags: int) -> int:
    """Open a regular file, and nothing else, without following a link; return its descriptor.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another kind, or cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | _NO_LINK, _FILE_MODE)
    except FileNotFoundError:
        raise
    except OSError as error:
        what = "is a link" if path.is_symlink() else f"cannot be opened: {error.strerror}"
        raise ValueError(f"{path} {what}; remove it") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{path} is not a regular file; remove it")
    return descriptor
