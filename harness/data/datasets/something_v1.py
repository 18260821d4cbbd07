"""Something-Something V1: a folder of numbered pictures for each video, or a file.

The id of a video is its number. Labels follow the order of the class names, by code point, as in
the lists of TRN and TSM. Split `test` is the validation split of the data set.

Source: Goyal et al., The "something something" video database (2017), and its files.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.data.datasets import class_names as class_tables
from harness.data.datasets import official_files
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists import text_rows
from harness.data.datasets.lists.files import from_files
from harness.data.datasets.lists.text_rows import RowErrors, read
from harness.data.video import Video
from harness.utils import lookup

_FOLDERS = (
    *("20bn-something-something-v1", "20bn-something-something-v1-frames"),
    *("frames", "rawframes", "videos"),
)
_OFFICIAL_ROW = re.compile(r"[0-9]+\s*;\s*\D", re.ASCII)
_LABELS = "something-something-v1-labels.csv"
_LISTS = {
    "train": "something-something-v1-train.csv",
    "test": "something-something-v1-validation.csv",
}


def class_names(root: Path, *, also: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the official names, by label.

    Raises:
        ValueError: If the copy has a list of labels with other classes.
    """
    del also
    official = class_tables.official_names("something_v1")
    file = official_files.find(root, _LABELS)
    if file is not None:
        names: list[str] = []
        errors = RowErrors()
        read(file, lambda text: names.append(text.strip()), errors)
        errors.check()
        official_files.check_names(names, official, file=file)
    return official


def lists(root: Path) -> list[Path]:
    """Return the official files below the root."""
    names = (_LABELS, *_LISTS.values())
    return [file for name in names if (file := official_files.find(root, name))]


def videos(
    root: Path, split: str, *, rows: Path | None = None, also: Sequence[Path] = ()
) -> list[Video]:
    """List the videos of a split, missing ones included.

    Args:
        root: Folder of the lists and videos.
        split: `train` or `test`.
        rows: A list of rows `id;label text`, or another list of paths and labels; None for the
            official list below the root.
        also: Other folders that links may lead into.

    Raises:
        ValueError: If a list or all videos are missing, or rows are invalid.
    """
    lookup.check_name(split, _LISTS, what="split")
    official = class_tables.official_names("something_v1")
    tree = FolderTree(root, also)
    if rows is not None and not _is_official(rows):
        folders = {split: official_files.existing_folders(tree, _FOLDERS)}
        listed = from_files(
            {split: rows},
            tree,
            classes=official,
            folders=folders,
            known=lambda: videos(root, split, also=also),
        )
        return listed.splits[split]
    file = rows or official_files.require(root, _LISTS[split])
    errors, listed_videos = RowErrors(), dict[str, Video]()
    labels = {name: label for label, name in enumerate(official)}
    read(
        file,
        _row_handler(listed_videos, labels, official_files.numbered_paths(tree, _FOLDERS)),
        errors,
    )
    errors.check()
    if not listed_videos:
        raise ValueError(f"{file} contains no rows")
    return [*listed_videos.values()]


def _is_official(rows: Path) -> bool:
    """Return whether a list has the official form: a number, a semicolon, the name of a class."""
    return bool(_OFFICIAL_ROW.match(text_rows.first_row(rows)))


def _row_handler(
    listed_videos: dict[str, Video], labels: Mapping[str, int], path_of: Callable[[str], Path]
) -> Callable[[str], None]:
    def add_row(text: str) -> None:
        number, semicolon, name = (part.strip() for part in text.partition(";"))
        if not semicolon or not official_files.is_id(number):
            raise ValueError(f"{text!r} is not a number, a semicolon and a label")
        if name not in labels:
            raise ValueError(f"{name!r} is not one of the {len(labels)} classes")
        video = Video(id=number, path=path_of(number), labels=(labels[name],))
        if listed_videos.setdefault(number, video) != video:
            raise ValueError(f"{number} has label {name!r}, but had another before")

    return add_row
