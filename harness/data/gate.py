"""The gate for video files: where a file may lie, of what kind it is, and how large its video is.

The check of a data set and every reader pass a file here before they decode it, so that a trial
reads nothing that the check refuses. Standard library only: it is imported by processes that must
start in milliseconds.
"""

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BufferedReader
from itertools import islice
from pathlib import Path

from harness.data.video import File, Member, RefusedVideoError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on a video, checked before it is decoded.

    Attributes:
        max_pixels: Greatest width times height; a little over 4096 x 2160.
        max_aspect: Greatest ratio of the long side to the short side.
        min_side_px: Least short side.
        max_seconds: Greatest duration.
        max_frames: Greatest number of frames, in the header or counted.
        min_frames: Least number of frames for a clip; a matter of the check alone.
    """

    max_pixels: int = 9_000_000
    max_aspect: int = 8
    min_side_px: int = 8
    max_seconds: float = 3600.0
    max_frames: int = 250_000
    min_frames: int = 8


LIMITS = Limits()
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


def is_missing(error: OSError) -> bool:
    """Return whether an error says that a path, perhaps somebody else's, leads to no file."""
    return error.errno in _NO_FILE


def real_folders(*folders: Path) -> tuple[str, ...]:
    """Return folders with links resolved, as `check_place` expects them."""
    return tuple(os.path.realpath(folder) for folder in folders)


def check_place(path: Path, roots: Sequence[str]) -> None:
    """Refuse a path that leads out of all roots, links resolved.

    Args:
        path: A file or folder, which may be missing.
        roots: From `real_folders`; without any, every place is allowed.

    Raises:
        RefusedVideoError: If it lies elsewhere.
    """
    if roots:
        _check_real(os.path.realpath(path), roots)


def _check_real(path: str, roots: Sequence[str]) -> None:
    if roots and not any(is_below(path, root) for root in roots):
        raise RefusedVideoError("path is outside the folder of the data set")


class PlaceCheck:
    """`check_place` of many paths, which resolves the links of every folder once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def look(self, path: Path, roots: Sequence[str]) -> os.stat_result:
        """Return the status of a path that leads out of none of the roots, from one look at it.

        Raises:
            FileNotFoundError: If it does not exist.
            RefusedVideoError: If it lies elsewhere.
        """
        try:
            status = path.lstat()
        except OSError:
            check_place(path, roots)
            raise
        if stat.S_ISLNK(status.st_mode):
            check_place(path, roots)
            return path.stat()
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        _check_real(f"{self._folders[folder]}{os.sep}{name}", roots)
        return status


def check_link(path: Path, roots: Sequence[str]) -> None:
    """Refuse a link that leads out of all roots, in a folder that `check_place` has let pass.

    Raises:
        RefusedVideoError: If it does; names it.
    """
    if path.is_symlink():
        try:
            check_place(path, roots)
        except RefusedVideoError:
            reason = f"{path.name!r} lies outside the folder of the data set"
            raise RefusedVideoError(reason) from None


def list_names(folder: Path, limits: Limits = LIMITS) -> list[str]:
    """Return the names in a folder.

    Raises:
        RefusedVideoError: If there are more than the frames of a video may be.
    """
    return [entry.name for entry in _list(folder, limits)]


def list_links(folder: Path, limits: Limits = LIMITS) -> list[str]:
    """Return the names of the links in a folder, without a look at every file.

    Raises:
        RefusedVideoError: As `list_names`.
    """
    return [entry.name for entry in _list(folder, limits) if entry.is_symlink()]


def _list(folder: Path, limits: Limits) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = [*islice(entries, limits.max_frames + 1)]
    if len(found) > limits.max_frames:
        raise RefusedVideoError(f"folder has more than {limits.max_frames} files")
    return found


def is_below(path: str, root: str) -> bool:
    """Return whether a path is a folder or below it, by their names alone."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def check_regular(path: File) -> os.stat_result:
    """Return the status of a regular file, without opening it: a pipe would never end.

    Raises:
        FileNotFoundError: If it does not exist.
        RefusedVideoError: If it is a folder, a pipe or a device.
    """
    status = path.stat()
    check_kind(status)
    return status


def place_in(path: File, file: BufferedReader) -> tuple[int, int]:
    """Return the first byte of a video in the file that is opened for it, and its bytes.

    Raises:
        OSError: If the file is a shard that ends before the video does.
    """
    size = os.fstat(file.fileno()).st_size
    if not isinstance(path, Member):
        return 0, size
    if path.start + path.size > size:
        raise OSError(f"the shard ends at byte {size}")
    return path.start, path.size


def open_file(path: File) -> BufferedReader:
    """Open a regular file, or the shard that holds it, to read; a pipe is not waited for.

    Raises:
        FileNotFoundError: If it does not exist.
        RefusedVideoError: If it is a folder, a pipe or a device.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        check_kind(os.fstat(descriptor))
    except RefusedVideoError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def check_kind(status: os.stat_result) -> None:
    """Refuse the status of what is no regular file.

    Raises:
        RefusedVideoError: If it is of a folder, a pipe or a device.
    """
    if not stat.S_ISREG(status.st_mode):
        raise RefusedVideoError("path is not a regular file")


def check_size(width: int, height: int, limits: Limits = LIMITS) -> None:
    """Refuse pictures that are too large, too small or too long.

    Raises:
        RefusedVideoError: If they are.
    """
    short, long = sorted((width, height))
    size = f"picture size is {width}x{height}"
    if width * height > limits.max_pixels:
        raise RefusedVideoError(f"{size}, over {limits.max_pixels} pixels")
    if short < limits.min_side_px:
        raise RefusedVideoError(f"{size}, under {limits.min_side_px} pixels on a side")
    if long > limits.max_aspect * short:
        raise RefusedVideoError(f"{size}, an aspect ratio over {limits.max_aspect}")


def check_claim(seconds: Fraction | None, frames: int | None, limits: Limits = LIMITS) -> None:
    """Refuse a header that claims a longer video than is allowed.

    Raises:
        RefusedVideoError: If it does.
    """
    if seconds is not None and seconds > limits.max_seconds:
        claim = f"header claims {float(seconds):.0f} s"
        raise RefusedVideoError(f"{claim}, over {limits.max_seconds:.0f}")
    if (frames or 0) > limits.max_frames:
        raise RefusedVideoError(f"header claims {frames} frames, over {limits.max_frames}")


def check_count(frames: int, limits: Limits = LIMITS) -> None:
    """Refuse a video of which more frames were decoded than are allowed.

    Raises:
        RefusedVideoError: If there are more.
    """
    if frames > limits.max_frames:
        raise RefusedVideoError(f"video has more than {limits.max_frames} frames")


def check_duration(seconds: Fraction, limits: Limits = LIMITS) -> None:
    """Refuse a video whose time stamps span more time than is allowed.

    Raises:
        RefusedVideoError: If they do.
    """
    if seconds > limits.max_seconds:
        raise RefusedVideoError(f"time stamps span more than {limits.max_seconds:.0f} s")
