"""Passport of a data set: identity, labels and content of every video, and their hash.

The hash is part of every trial key: a trial on another copy of the data is another trial.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.data import pictures
from harness.data.video import DamagedVideoError, Timing, Video
from harness.utils.atomic import write_atomic

FILE = "passport.json"
_DEFAULTS = {item.name: item.default for item in fields(Video)}


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

    splits: Mapping[str, list[Video]]
    listed: Mapping[str, int]
    classes: tuple[str, ...] = ()
    root: Path | None = None
    changed: str = ""
    also: tuple[Path, ...] = ()
    unused: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Hash the identity, labels, length and content of every video, and the class names."""
        lines = [
            "\t".join((split, video.id, format_labels(video), str(video.frames), video.sha256))
            for split, videos in sorted(self.splits.items())
            for video in sorted(videos, key=lambda video: video.id)
        ]
        named = [f"classes\t{classes_sha256(self.classes)}"] if self.classes else []
        return hashlib.sha256("\n".join(lines + named).encode()).hexdigest()

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


def complete_passport(splits: Mapping[str, list[Video]]) -> Passport:
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
    """
    for video in videos:
        if not video.path.exists():
            raise DamagedVideoError(f"{video.path}: listed in the passport, but missing")
        if video.stamp is not None and file_stamp(video.path) == video.stamp:
            continue
        if content_sha256(video.path) != video.sha256:
            raise DamagedVideoError(f"{video.path}: content differs from the hash in the passport")


def file_stamp(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the modification time in nanoseconds."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def content_sha256(path: Path) -> str:
    """Hash the bytes of a file; of a folder, the names and bytes of its pictures.

    Of a folder whose pictures are no video, all files count.
    """
    if not path.is_dir():
        return file_sha256(path)
    files = sorted(file for file in path.iterdir() if file.is_file())
    with contextlib.suppress(DamagedVideoError):
        names = {*pictures.sort_by_number(file.name for file in files)}
        files = [file for file in files if file.name in names]
    lines = [f"{file.name}\t{file_sha256(file)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Hash the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, passport: Passport) -> None:
    """Write a passport, with paths relative to its folder."""
    body: dict[str, Any] = {
        "listed": dict(passport.listed),
        "classes": passport.classes,
        "root": _relative_path(passport.root or path.parent, path.parent),
        "changed": passport.changed,
        "splits": {
            split: [_video_to_row(video, path.parent) for video in videos]
            for split, videos in passport.splits.items()
        },
    }
    if passport.also:
        body["also"] = [_relative_path(folder, path.parent) for folder in passport.also]
    if passport.unused:
        body["unused"] = passport.unused
    write_atomic(path, json.dumps(body, indent=0).encode())


def read(path: Path) -> Passport:
    """Read a passport.

    Raises:
        ValueError: If the file is not a passport.
    """
    try:
        body = json.loads(path.read_bytes())
        return Passport(
            splits={
                split: [_video_from_row(row, path.parent) for row in rows]
                for split, rows in body["splits"].items()
            },
            listed=body["listed"],
            classes=tuple(body["classes"]),
            root=_absolute_path(body["root"], path.parent),
            changed=body["changed"],
            also=tuple(_absolute_path(folder, path.parent) for folder in body.get("also", ())),
            unused=body.get("unused", {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ValueError(f"{path} is not a passport ({type(error).__name__}: {error})") from error


def _video_to_row(video: Video, folder: Path) -> dict[str, Any]:
    """Return the fields of a video that differ from their defaults."""
    row = {name: value for name, value in asdict(video).items() if value != _DEFAULTS[name]}
    return row | {"path": _relative_path(video.path, folder)}


def _video_from_row(row: Mapping[str, Any], folder: Path) -> Video:
    values = dict(row) | {
        "path": _absolute_path(row["path"], folder),
        "labels": tuple(row["labels"]),
    }
    if "stamp" in row:
        values["stamp"] = (row["stamp"][0], row["stamp"][1])
    if "timing" in row:
        timing = row["timing"] | {"stamps": tuple(row["timing"]["stamps"])}
        values["timing"] = Timing(**timing)
    return Video(**values)


def _relative_path(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _absolute_path(path: str, folder: Path) -> Path:
    return Path(os.path.normpath(folder / path))
