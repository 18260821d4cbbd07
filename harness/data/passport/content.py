"""Comparison of videos with their passport: by their stamp or, if that differs, by their bytes."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.data import gate, pictures
from harness.data.gate import PlaceCheck
from harness.data.member_file import MemberFile
from harness.data.video import DamagedVideoError, File, Member, RefusedVideoError, Video
from harness.utils import escape

Stamp = tuple[int, int]
_THREADS = 32  # a look at a file of a network file system is mostly waiting
_PART = 500  # videos that a thread takes at a time


def verify(videos: Iterable[Video]) -> list[Stamp]:
    """Compare every video with its passport: its stamp or, if that differs, its bytes.

    The stamp of a folder of frames is that of the folder itself.

    Returns:
        The stamps that the videos have now.

    Raises:
        DamagedVideoError: For the first video that is missing or differs; names it.
        RefusedVideoError: For the first that lies outside the folders of its passport, or is
            neither a regular file nor a folder.
    """
    whole = videos if isinstance(videos, Sequence) else [*videos]
    places = PlaceCheck()

    def verify_part(start: int) -> list[Stamp]:
        return [_verified_stamp(video, places) for video in whole[start : start + _PART]]

    if len(whole) <= _PART:
        return verify_part(0)
    with ThreadPoolExecutor(_THREADS) as pool:
        parts = pool.map(verify_part, range(0, len(whole), _PART))
        return [stamp for part in parts for stamp in part]


def _verified_stamp(video: Video, places: PlaceCheck) -> Stamp:
    try:
        stamp = _stamp(_check_place(video, places))
    except RefusedVideoError as error:
        raise RefusedVideoError(f"{_name(video)}: {error}") from None
    if stamp != video.stamp:
        _check_content(video)
    return stamp


def check_unchanged(video: Video) -> None:
    """Compare a video with the stamp that it had when it was compared with its passport.

    Raises:
        OSError: If it is missing.
        DamagedVideoError: If its stamp differs, and its bytes do too.
    """
    if video.stamp is not None and file_stamp(video.path) != video.stamp:
        _check_content(video)


def _check_content(video: Video) -> None:
    if video_sha256(video) != video.sha256:
        raise DamagedVideoError(f"{_name(video)}: content differs from the hash in the passport")


def _check_place(video: Video, places: PlaceCheck) -> os.stat_result:
    """Return the status of a video that lies where its passport allows, from one look at it."""
    try:
        status = places.look(video.path, video.within)
    except OSError as error:
        if not gate.is_missing(error):
            raise
        raise DamagedVideoError(f"{_name(video)}: listed in the passport, but missing") from None
    if not stat.S_ISDIR(status.st_mode):
        gate.check_kind(status)
    elif video.within:
        for name in gate.list_links(video.path):
            gate.check_link(video.path / name, video.within)
    return status


def _name(video: Video) -> str:
    """Return the path of a video as a sentence can hold it; a passport may name any."""
    return escape.name(str(video.path))


def file_stamp(path: Path) -> Stamp:
    """Return the size in bytes and the modification time in nanoseconds."""
    return _stamp(path.stat())


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns


def video_sha256(video: Video) -> str:
    """Hash the bytes of a video: of its file, its part of a shard, or its pictures."""
    return content_sha256(video.path) if video.span is None else file_sha256(video.file)


def content_sha256(path: Path) -> str:
    """Hash the bytes of a file; of a folder, the names and bytes of its pictures.

    Of a folder whose pictures are no video, all files count.
    """
    if not path.is_dir():
        return file_sha256(path)
    files = sorted(file for name in gate.list_names(path) if (file := path / name).is_file())
    with contextlib.suppress(DamagedVideoError):
        names = {*pictures.sort_by_number(file.name for file in files)}
        files = [file for file in files if file.name in names]
    lines = [f"{file.name}\t{file_sha256(file)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def file_sha256(path: File) -> str:
    """Hash the bytes of a file, or of its part of a shard."""
    with gate.open_file(path) as file:
        if not isinstance(path, Member):
            return hashlib.file_digest(file, "sha256").hexdigest()
        part = MemberFile(file, path)
        return hashlib.file_digest(part, "sha256").hexdigest()
