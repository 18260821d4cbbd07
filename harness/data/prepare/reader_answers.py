"""Check of what the reader of a data set returns, before any video is read.

Whatever passes can be written in a passport, and read again.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.data.datasets.lists.text_rows import RowErrors
from harness.data.video import Video
from harness.utils import escape
from harness.utils.json_file import schema

_SPLIT = "train"
_EMPTY: Mapping[str, Any] = {"listed": {}, "classes": [], "root": ".", "changed": "", "splits": {}}


def check_class_names(names: Any) -> tuple[str, ...]:
    """Return the class names of a reader, by label.

    Raises:
        ValueError: If they are no distinct names, each on one line.
    """
    _check_kind(names, list | tuple, "class_names gives a value {kind}, not a tuple of names")
    try:
        schema.check({**_EMPTY, "classes": [*names]}, "passport")
    except schema.SchemaError as error:
        raise ValueError(f"class_names gives impossible names: {error}") from None
    for label, name in enumerate(names):
        if not name.strip() or len(name.splitlines()) > 1:
            raise ValueError(f"class {label} has the name {name!r}; write one line")
    if len({*names}) < len(names):
        twice = next(name for label, name in enumerate(names) if name in names[:label])
        raise ValueError(f"two classes have the name {twice!r}")
    return tuple(names)


def check_videos(split: str, videos: Any, class_names: Sequence[str]) -> None:
    """Check the videos of a split; one without labels must be missing.

    Args:
        split: Their split.
        videos: What the reader returns.
        class_names: By label; empty where labels have no names.

    Raises:
        ValueError: If they are no list of videos, or some have an impossible name, path or label.
    """
    _check_kind(videos, Sequence, "videos gives a value {kind}, not a list of videos")
    errors, seen = RowErrors(), set[str]()
    for position, video in enumerate(videos):
        try:
            _check_video(video, seen, len(class_names))
        except ValueError as error:
            shown = escape.name(repr(getattr(video, "id", video)))
            errors.add(f"{split}[{position}], {shown}", error)
    errors.check("videos")


def _check_video(video: Any, seen: set[str], num_classes: int) -> None:
    """Check a video, and add its id to those that were seen."""
    _check_kind(video, Video, "it is {kind}, not a Video")
    _check_kind(video.path, Path, "its path is {kind}, not a Path")
    _check_kind(video.labels, list | tuple, "its labels are {kind}, not a tuple")
    _check_row({"id": video.id, "path": str(video.path), "labels": [*(video.labels or [0])]})
    if not video.labels and video.path.exists():
        raise ValueError("it has no label")
    if [*video.labels] != sorted({*video.labels}):
        raise ValueError(f"its labels {video.labels} do not increase")
    if num_classes and max(video.labels, default=0) >= num_classes:
        raise ValueError(f"its label {video.labels[-1]} is none of the {num_classes} classes")
    if video.id in seen:
        raise ValueError("another video has this id")
    seen.add(video.id)


def _check_row(row: Mapping[str, Any]) -> None:
    """Check the row of a video as reading it from a passport does."""
    try:
        schema.check({**_EMPTY, "splits": {_SPLIT: [row]}}, "passport")
        os.fsencode(row["path"])
    except schema.SchemaError as error:
        place = error.place.removeprefix(f".splits.{_SPLIT}[0].")
        raise ValueError(f"{place}: {error.reason}") from None
    except UnicodeEncodeError:
        raise ValueError(f"no file can have its path {row['path']!r}") from None
    if not row["id"].isprintable():
        raise ValueError("its id has unprintable characters")


def _check_kind(value: Any, wanted: Any, sentence: str) -> None:
    if not isinstance(value, wanted):
        raise ValueError(sentence.format(kind=f"of type {type(value).__name__}"))  # noqa: TRY004
