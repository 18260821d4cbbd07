"""A data set of files packed into shards, for file systems that are slow with many small files.

Shards are tar files of the same bytes, filled in the order of the passport, so that each can be
made, or found to be whole, without the others. The new passport names the first byte and the bytes
of every video; readers believe it, and neither names nor sizes within a shard. Since videos and
labels are the same, its hash is, and so are the keys of trials.
"""

import hashlib
import io
import itertools
import shutil
import tarfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from harness.data import gate, passport
from harness.data.passport import Passport
from harness.data.reading import packet_file
from harness.data.video import DamagedVideoError, Member, Video
from harness.utils import atomic, files, lock

Progress = Callable[[str, int, int], None]
_FOLDER = "shards"


class _File(NamedTuple):
    """A file to pack: a video, its name within the shard, and its place there."""

    video: Video
    info: tarfile.TarInfo
    start: int

    @property
    def end(self) -> int:
        """Return the first byte of the shard after it, which is a multiple of a block."""
        return self.start + -(-self.info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


@dataclass(frozen=True, kw_only=True)
class _Shard:
    """A shard, and the files that it holds, in their order."""

    path: Path
    files: Sequence[_File]


def pack_data_set(
    source: Path, folder: Path, *, shard_mb: int, progress: Progress | None = None
) -> int:
    """Pack a data set with its passport and its packet index; resume a run that was stopped.

    Args:
        source: Folder of the data set and its passport.
        folder: Folder of the shards and their passport.
        shard_mb: Megabytes after which a shard is full; a larger video has one of its own.
        progress: Called with the step, the amount done, and the total.

    Returns:
        The number of shards.

    Raises:
        ValueError: If the source cannot be packed, or another process packs into the folder;
            DamagedVideoError for the first video that is missing or differs from its passport.
    """
    known = _read_passport(source)
    if folder.resolve() == source.resolve():
        raise ValueError(f"{folder} holds the videos; shards need another folder")
    videos = [*itertools.chain.from_iterable(known.splits.values())]
    with lock.hold(folder, what="packing videos"):
        shards = _plan(videos, known.root or source, folder / _FOLDER, shard_mb * 1_000_000)
        for number, shard in enumerate(shards, start=1):
            if not _is_whole(shard):
                _write(shard)
            if progress:
                progress("shards", number, len(shards))
        _write_passport(known, shards, source, folder)
    return len(shards)


def _read_passport(source: Path) -> Passport:
    """Return the passport of a data set of files.

    Raises:
        ValueError: If there is none, it has folders of pictures, or it is packed.
    """
    path = source / passport.FILE
    if not path.is_file():
        raise ValueError(f"{source} has no {passport.FILE}, the list of videos to pack")
    known = passport.read(path)
    for video in itertools.chain.from_iterable(known.splits.values()):
        if video.span is not None:
            raise ValueError(f"{source} is packed into shards already, such as {video.path}")
        if not video.sha256 or video.path.is_dir():
            raise ValueError(f"{video.id} of {source} is no file with a hash, so it is not packed")
    return known


def _plan(videos: Iterable[Video], root: Path, folder: Path, max_bytes: int) -> list[_Shard]:
    """Assign every file to a place in a shard; a file that is listed twice has one."""
    by_path = {video.path: video for video in videos}
    shards: list[list[_File]] = []
    for video in by_path.values():
        info = _describe(video, root)
        last = shards[-1][-1].end if shards else 0
        if not shards or last + info.size > max_bytes:
            shards.append([])
            last = 0
        header = len(info.tobuf(tarfile.PAX_FORMAT))
        shards[-1].append(_File(video, info, last + header))
    return [
        _Shard(path=folder / f"{number:05d}.tar", files=content)
        for number, content in enumerate(shards)
    ]


def _describe(video: Video, root: Path) -> tarfile.TarInfo:
    """Return the header of a file, the same on every machine."""
    if not video.path.is_relative_to(root):
        raise ValueError(f"{video.path} is not in {root}, the base folder of the packed paths")
    info = tarfile.TarInfo(video.path.relative_to(root).as_posix())
    try:
        gate.check_place(video.path, video.within)
        info.size = gate.check_regular(video.path).st_size
    except OSError as error:
        if not gate.is_missing(error):
            raise
        raise DamagedVideoError(f"{video.path}: listed in the passport, but missing") from None
    return info


def _is_whole(shard: _Shard) -> bool:
    """Return whether a shard holds all its files."""
    with suppress(OSError, ValueError):
        size = gate.check_regular(shard.path).st_size
        return size >= shard.files[-1].end and all(
            passport.file_sha256(Member(shard.path, item.start, item.info.size))
            == item.video.sha256
            for item in shard.files
        )
    return False


def _write(shard: _Shard) -> None:
    """Write a shard whole or not at all."""
    files.make_folder(shard.path.parent)
    part = shard.path.with_name(f"{shard.path.name}.part")
    try:
        with (
            files.create(part) as file,
            tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for item in shard.files:
                _add(tar, item)
        atomic.replace_synced(part, shard.path)
    finally:
        part.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, item: _File) -> None:
    """Add a file, and compare what was read with its passport."""
    with gate.open_file(item.video.path) as file:
        content = _Hashed(file)
        try:
            tar.addfile(item.info, content)
        except OSError as error:
            if error.errno is not None:
                raise
            raise DamagedVideoError(f"{item.video.path}: {error}") from None
    assert tar.offset == item.end, "a shard is laid out as planned"
    if content.sha256.hexdigest() != item.video.sha256:
        raise DamagedVideoError(f"{item.video.path}: content differs from the hash in the passport")


class _Hashed(io.RawIOBase):
    """A file that hashes what is read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read, and hash what was read."""
        content = self._file.read(size)
        self.sha256.update(content)
        return content


def _write_passport(known: Passport, shards: Sequence[_Shard], source: Path, folder: Path) -> None:
    """Write the passport of the shards, and copy the packet index, which holds for both."""
    places = {
        item.video.path: (shard.path, (item.start, item.info.size), passport.file_stamp(shard.path))
        for shard in shards
        for item in shard.files
    }
    within = gate.real_folders(folder)

    def packed(video: Video) -> Video:
        path, span, stamp = places[video.path]
        return replace(video, path=path, span=span, stamp=stamp, within=within)

    splits = {split: [packed(video) for video in videos] for split, videos in known.splits.items()}
    target = folder / passport.FILE
    packed_passport = replace(known, splits=splits, root=folder, also=(), unused={})
    passport.write(target, packed_passport)
    index = packet_file.index_path(source / passport.FILE)
    if packet_file.find(source / passport.FILE, known.digest) is not None:
        part = packet_file.index_path(target).with_suffix(".part")
        shutil.copyfile(index, part)
        atomic.replace_synced(part, packet_file.index_path(target))
