"""Passport of a data set: identity, labels and content of every video, and their hash.

The hash is part of every trial key: a trial on another copy of the data is another trial.
"""

import contextlib
import hashlib
import itertools
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.data import gate, pictures
from harness.data.passport import column_file, columns
from harness.data.passport.rows import (
    Places,
    absolute_path,
    relative_path,
    video_from_row,
    video_to_row,
)
from harness.data.video import DamagedVideoError, RefusedVideoError, Video
from harness.utils import json_file
from harness.utils.atomic import write_atomic

FILE = "passport.json"
_MAX_BYTES = 2**31


@dataclass(frozen=True, kw_only=True)
class Passport:
    """The usable videos of a data set.

    Attributes:
        splits: Complete, readable videos of each split.
        listed: Number of videos in the lists of each split, readable or not.
        classes: Names by label; empty where labels have no names.
        root: Folder that the lists are relative to; None if it holds the passport.
        changed: Difference of the files from those of the lists, in words; empty if none.
        also: Folders besides the root that its links lead into.
        unused: Number and examples of the files below the root that are not used, by group.
    """

    splits: Mapping[str, Sequence[Video]]
    listed: Mapping[str, int]
    classes: tuple[str, ...] = ()
    root: Path | None = None
    changed: str = ""
    also: tuple[Path, ...] = ()
    unused: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Hash the identity, labels, length and content of every video, and the class names."""
        whole = hashlib.sha256()
        for number, line in enumerate(self._lines()):
            whole.update(f"\n{line}".encode() if number else line.encode())
        return whole.hexdigest()

    def _lines(self) -> Iterator[str]:
        for split, videos in sorted(self.splits.items()):
            for identity, labels, frames, sha256 in columns.identities(videos):
                yield f"{split}\t{identity}\t{','.join(map(str, labels))}\t{frames}\t{sha256}"
        if self.classes:
            yield f"classes\t{classes_sha256(self.classes)}"

    @property
    def coverage(self) -> dict[str, Any]:
        """Return the numbers of listed and of good videos, as a record keeps them."""
        return {
            "listed": dict(self.listed),
            "good": {split: len(videos) for split, videos in self.splits.items()},
            "classes": classes_sha256(self.classes) if self.classes else "",
            "changed": self.changed,
        }


def format_labels(video: Video) -> str:
    """Format the labels of a video."""
    return ",".join(map(str, video.labels))


def complete_passport(splits: Mapping[str, Sequence[Video]]) -> Passport:
    """Return the passport of a data set without missing videos and class names."""
    return Passport(splits=splits, listed={split: len(videos) for split, videos in splits.items()})


def classes_sha256(classes: Sequence[str]) -> str:
    """Hash class names, in the order of their labels."""
    return hashlib.sha256("\n".join(classes).encode()).hexdigest()


def verify(videos: Iterable[Video]) -> None:
    """Compare every video with its passport: its stamp or, if that differs, its bytes.

    The stamp of a folder of frames is that of the folder itself.

    Raises:
        DamagedVideoError: For the first video that is missing or differs; names it.
        RefusedVideoError: For the first that lies outside the folders of its passport, or is
            neither a regular file nor a folder.
    """
    for video in videos:
        try:
            status = _check_place(video)
        except RefusedVideoError as error:
            raise RefusedVideoError(f"{video.path}: {error}") from None
        if video.stamp is not None and _stamp(status) == video.stamp:
            continue
        if content_sha256(video.path) != video.sha256:
            raise DamagedVideoError(f"{video.path}: content differs from the hash in the passport")


def _check_place(video: Video) -> os.stat_result:
    """Return the status of a video that lies where its passport allows, from one look at it."""
    gate.check_place(video.path, video.within)
    try:
        status = video.path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise DamagedVideoError(f"{video.path}: listed in the passport, but missing") from None
    if not stat.S_ISDIR(status.st_mode):
        gate.check_kind(status)
    elif video.within:
        for name in gate.list_names(video.path):
            gate.check_link(video.path / name, video.within)
    return status


def file_stamp(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the modification time in nanoseconds."""
    return _stamp(path.stat())


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


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


def file_sha256(path: Path) -> str:
    """Hash the bytes of a file."""
    with gate.open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, passport: Passport) -> None:
    """Write a passport, with paths relative to its folder; a large one has columns beside it."""
    rows = {
        split: [video_to_row(video, path.parent) for video in videos]
        for split, videos in passport.splits.items()
    }
    body = _body(path, passport)
    write_atomic(path, json.dumps(body | {"splits": rows}, indent=0).encode())
    write_columns(path, passport)


def write_columns(path: Path, passport: Passport) -> None:
    """Write the columns of a large passport, beside its JSON, which is written."""
    column_file.write(path, _body(path, passport), passport.splits)


def _body(path: Path, passport: Passport) -> dict[str, Any]:
    """Return the JSON of a passport, without videos."""
    body: dict[str, Any] = {
        "listed": dict(passport.listed),
        "classes": passport.classes,
        "root": relative_path(passport.root or _common_root(passport, path.parent), path.parent),
        "changed": passport.changed,
    }
    if passport.also:
        body["also"] = [relative_path(folder, path.parent) for folder in passport.also]
    if passport.unused:
        body["unused"] = passport.unused
    return body


def _common_root(passport: Passport, folder: Path) -> Path:
    """Return the folder of a passport or, if some videos lie elsewhere, one that holds them all."""
    paths = [str(video.path) for videos in passport.splits.values() for video in videos]
    if all(gate.is_below(path, str(folder)) for path in paths):
        return folder
    return Path(os.path.commonpath([*paths, str(folder)]))


def read(path: Path) -> Passport:
    """Read a passport.

    Raises:
        ValueError: If the file is not a passport, or names a video outside its folders.
    """
    known = column_file.find(path)
    if known is not None:
        return _from_body(*known, path.parent)
    try:
        content = json_file.read_bytes(path.resolve(), max_bytes=_MAX_BYTES)
        body = json_file.parse(content, "passport", any_text=True)
        return _from_body(body, _splits(body, path.parent), path.parent)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is not a passport: {error}") from None


def _splits(body: Mapping[str, Any], folder: Path) -> dict[str, Sequence[Video]]:
    """Return the videos of the rows of every split."""
    roots = (body["root"], *body.get("also", ()))
    places = Places(tuple(absolute_path(path, folder) for path in roots))
    splits: dict[str, Sequence[Video]] = {
        split: [video_from_row(row, folder, places) for row in rows]
        for split, rows in body["splits"].items()
    }
    if body["classes"]:
        _check_labels(splits.values(), len(body["classes"]))
    return splits


def _from_body(
    body: Mapping[str, Any], splits: Mapping[str, Sequence[Video]], folder: Path
) -> Passport:
    return Passport(
        splits=splits,
        listed=body["listed"],
        classes=tuple(body["classes"]),
        root=absolute_path(body["root"], folder),
        changed=body["changed"],
        also=tuple(absolute_path(path, folder) for path in body.get("also", ())),
        unused=body.get("unused", {}),
    )


def _check_labels(splits: Iterable[Sequence[Video]], classes: int) -> None:
    for video in itertools.chain.from_iterable(splits):
        if max(video.labels) >= classes:
            raise ValueError(f"video {video.id!r} has label {max(video.labels)} of {classes} names")
