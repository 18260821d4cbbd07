"""Passport of a data set: identity, labels and content of every video, and their hash.

The hash is part of every trial key: a trial on another copy of the data is another trial.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from harness.data import PASSPORT_FILE, gate
from harness.data.passport import column_file, columns
from harness.data.passport.content import (
    Stamp,
    check_unchanged,
    content_sha256,
    file_sha256,
    file_stamp,
    verify,
    video_sha256,
)
from harness.data.passport.rows import (
    Places,
    absolute_path,
    relative_path,
    video_from_row,
    video_to_row,
)
from harness.data.video import Video
from harness.utils import json_file
from harness.utils.atomic import write_atomic

__all__ = [
    "FILE",
    "Passport",
    "Stamp",
    "check_unchanged",
    "classes_sha256",
    "complete_passport",
    "content_sha256",
    "file_sha256",
    "file_stamp",
    "format_labels",
    "read",
    "verify",
    "video_sha256",
    "write",
    "write_columns",
]
FILE = PASSPORT_FILE
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
        file_sha256: Hash of the JSON that it was read from; empty otherwise.
    """

    splits: Mapping[str, Sequence[Video]]
    listed: Mapping[str, int]
    classes: tuple[str, ...] = ()
    root: Path | None = None
    changed: str = ""
    also: tuple[Path, ...] = ()
    unused: Mapping[str, Any] = field(default_factory=dict)
    file_sha256: str = field(default="", compare=False)

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
    def stamps(self) -> Int64[np.ndarray, "N 2"]:
        """Return the stamps of the N videos of all splits; -1 bytes for a video without one."""
        parts = [columns.stamps_of(videos) for videos in self.splits.values()]
        return np.concatenate([np.empty((0, 2), np.int64), *parts])

    def with_stamps(self, stamps: Int64[np.ndarray, "N 2"], digest: str) -> "Passport":
        """Return the same passport with other stamps, on which its hash does not depend.

        Args:
            stamps: As `stamps` has them.
            digest: Its hash, if it is known already.
        """
        ends = np.cumsum([len(videos) for videos in self.splits.values()])
        splits = {
            split: columns.with_stamps(videos, stamps[end - len(videos) : end])
            for (split, videos), end in zip(self.splits.items(), ends.tolist(), strict=True)
        }
        known = replace(self, splits=splits)
        vars(known)["digest"] = digest  # what `cached_property` would set
        return known

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


def write(path: Path, passport: Passport) -> None:
    """Write a passport, with paths relative to its folder; a large one has columns beside it."""
    rows = {
        split: [video_to_row(video, path.parent) for video in videos]
        for split, videos in passport.splits.items()
    }
    body = _body(path, passport)
    write_atomic(path, json.dumps(body | {"splits": rows}, indent=0).encode())
    write_columns(path, passport)


def write_columns(path: Path, passport: Passport) -> bool:
    """Write the columns of a large passport beside its JSON; return whether that was done.

    It is not done for a passport that was read from columns.
    """
    return column_file.write(path, _body(path, passport), passport.splits)


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
        body, splits, digest = known
        return _from_body(body, splits, path.parent, digest)
    try:
        content = json_file.read_bytes(path.resolve(), max_bytes=_MAX_BYTES)
        body = json_file.parse(content, "passport", any_text=True)
        digest = hashlib.sha256(content).hexdigest()
        return _from_body(body, _splits(body, path.parent), path.parent, digest)
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
    body: Mapping[str, Any], splits: Mapping[str, Sequence[Video]], folder: Path, sha256: str
) -> Passport:
    return Passport(
        splits=splits,
        listed=body["listed"],
        classes=tuple(body["classes"]),
        root=absolute_path(body["root"], folder),
        changed=body["changed"],
        also=tuple(absolute_path(path, folder) for path in body.get("also", ())),
        unused=body.get("unused", {}),
        file_sha256=sha256,
    )


def _check_labels(splits: Iterable[Sequence[Video]], classes: int) -> None:
    for video in itertools.chain.from_iterable(splits):
        if max(video.labels) >= classes:
            raise ValueError(f"video {video.id!r} has label {max(video.labels)} of {classes} names")
