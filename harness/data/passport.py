"""The passport of a data set: what is known of every video, and its hash.

The hash is part of every trial key: another copy of the data is another trial.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from harness.data.video import DamagedVideoError, Timing, Video
from harness.utils.atomic import write_atomic

FILE = "passport.json"
_DEFAULTS = {field.name: field.default for field in fields(Video)}


@dataclass(frozen=True, kw_only=True)
class Passport:
    """What may be used of a data set.

    Attributes:
        splits: Whole, readable videos of each split.
        listed: Videos that the lists of each split name, whole or not.
        classes: Names by label; empty where labels have none.
        root: Folder that the lists are relative to; None if it holds the passport.
        changed: How the files differ from those that the lists mean; empty if they do not.
    """

    splits: Mapping[str, list[Video]]
    listed: Mapping[str, int]
    classes: tuple[str, ...] = ()
    root: Path | None = None
    changed: str = ""

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
        """Say what is there of what is listed, as a record keeps it."""
        return {
            "listed": dict(self.listed),
            "good": {split: len(videos) for split, videos in self.splits.items()},
            "classes": classes_sha256(self.classes) if self.classes else "",
            "changed": self.changed,
        }


def format_labels(video: Video) -> str:
    """Write the labels of a video."""
    return ",".join(map(str, video.labels))


def complete_passport(splits: Mapping[str, list[Video]]) -> Passport:
    """Return the passport of a data set that lacks nothing and has no class names."""
    return Passport(splits=splits, listed={split: len(each) for split, each in splits.items()})


def classes_sha256(classes: Sequence[str]) -> str:
    """Hash a table of class names, in the order of their labels."""
    return hashlib.sha256("\n".join(classes).encode()).hexdigest()


def verify(videos: Iterable[Video]) -> None:
    """Compare every video with what the passport knows: its stamp, or its bytes if that differs.

    The stamp of a folder of frames is that of the folder itself.

    Raises:
        DamagedVideoError: For the first video that is missing or differs; names it.
    """
    for video in videos:
        if not video.path.exists():
            raise DamagedVideoError(f"{video.path}: the passport lists it, but it is missing")
        if video.stamp is not None and file_stamp(video.path) == video.stamp:
            continue
        if content_sha256(video.path) != video.sha256:
            raise DamagedVideoError(f"{video.path}: its content differs from the passport's hash")


def file_stamp(path: Path) -> tuple[int, int]:
    """Return the size and the time of the last change, in nanoseconds."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def content_sha256(path: Path) -> str:
    """Hash the bytes of a file; of a folder, the names and bytes of its files."""
    if not path.is_dir():
        return file_sha256(path)
    files = sorted(each for each in path.iterdir() if each.is_file())
    lines = [f"{each.name}\t{file_sha256(each)}" for each in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Hash the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, known: Passport) -> None:
    """Write a passport; paths in it are relative to its folder."""
    body = {
        "listed": dict(known.listed),
        "classes": known.classes,
        "root": _relative_path(known.root or path.parent, path.parent),
        "changed": known.changed,
        "splits": {
            split: [_video_to_row(video, path.parent) for video in videos]
            for split, videos in known.splits.items()
        },
    }
    write_atomic(path, json.dumps(body, indent=0).encode())


def read(path: Path) -> Passport:
    """Read what `write` wrote.

    Raises:
        ValueError: If it is not a passport.
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
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ValueError(f"{path} is no passport ({type(error).__name__}: {error})") from error


def _video_to_row(video: Video, folder: Path) -> dict[str, Any]:
    """Return what is known of a video, without what is as usual."""
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
