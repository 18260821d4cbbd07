"""Any folder of videos: lists `path,label`, folders of two splits, or folders of classes.

Videos without splits are divided by a fixed rule: see `divide`.
"""

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from harness.data.datasets import class_names as class_tables
from harness.data.datasets import text_rows
from harness.data.datasets.file_tree import SUFFIXES, FolderTree, is_video, normalise_path
from harness.data.datasets.list_files import Listing, from_files
from harness.data.datasets.text_rows import RowErrors
from harness.data.video import Video
from harness.utils import lookup

_SPLITS = ("train", "test")
_TEST_NAMES = ("test", "val")
_ALL = "videos"
_HEAD = ["path", "label"]
_PICTURES = (".jpg", ".jpeg")
_OTHER_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,3}$")
_TEST_SHARE = 0.2


def class_names(root: Path) -> tuple[str, ...]:
    """Return the names by label, in alphabetical order; none where labels are numbers."""
    files = _csv_files(root)
    if files:
        return _names_in(files.values())
    tree = FolderTree(root)
    parents = _parents(tree).values()
    return tuple(sorted({name for parent in parents for name in tree.folder(parent).folders}))


def videos(root: Path, split: str, *, rows: Path | None = None) -> list[Video]:
    """List the videos of a split.

    Args:
        root: Holds `train.csv` and `test.csv` or `val.csv`, or `videos.csv`, of rows `path,label`;
            or `train/<class>/` and `test/<class>/` or `val/<class>/`; or `<class>/`.
        split: `train` or `test`.
        rows: A list in place of these: `path,label` in a `.csv`, `path label` in any other file.

    Raises:
        ValueError: If no video is found, or a row or a name is invalid.
    """
    lookup.check_name(split, _SPLITS, what="split")
    names = class_names(root)
    if rows is not None and rows.suffix.lower() != ".csv":
        contents = from_files({split: rows}, root, num_classes=len(names) or None)
        return contents.splits[split]
    files = _csv_files(root) if rows is None else {split: rows}
    listing = (
        _from_csv(FolderTree(root), files, names)
        if files
        else _from_folders(FolderTree(root), names)
    )
    if unsplit := listing.videos(_ALL):
        return divide(unsplit)[split]
    return listing.videos(split)


def divide(unsplit: Sequence[Video]) -> dict[str, list[Video]]:
    """Divide videos by the SHA-256 of their ids: the lowest fifth of all hashes is the test split.

    In each class of two or more videos, the lowest hash is always in the test split and the highest
    in the training split; so a new file moves another one only in classes that need this.
    """
    classes: dict[int, list[Video]] = defaultdict(list)
    for video in sorted(unsplit, key=_share):
        classes[video.label].append(video)
    test_ids = {
        video.id
        for class_videos in classes.values()
        for rank, video in enumerate(class_videos[:-1])
        if rank == 0 or _share(video) < _TEST_SHARE
    }
    return {
        "train": [video for video in unsplit if video.id not in test_ids],
        "test": [video for video in unsplit if video.id in test_ids],
    }


def _share(video: Video) -> float:
    """Return the hash of an id as a number from 0 to 1."""
    return int.from_bytes(hashlib.sha256(video.id.encode()).digest()[:8], "big") / 2**64


def _csv_files(root: Path) -> dict[str, Path]:
    """Return the lists below the root, by split; empty without any list."""
    existing = {name for name in ("train", *_TEST_NAMES, _ALL) if (root / f"{name}.csv").is_file()}
    if not existing or existing == {_ALL}:
        return {name: root / f"{name}.csv" for name in existing}
    test = next((name for name in _TEST_NAMES if name in existing), None)
    if test is None or "train" not in existing or _ALL in existing:
        listed = " and ".join(f"{name}.csv" for name in sorted(existing))
        expected = f"train.csv with test.csv or val.csv, or {_ALL}.csv alone"
        raise ValueError(f"{root} holds {listed}; expected {expected}")
    return {"train": root / "train.csv", "test": root / f"{test}.csv"}


def _parents(tree: FolderTree) -> dict[str, Path]:
    """Return the parents of the class folders, by split."""
    existing = tree.folder(tree.root).folders
    test = next((name for name in _TEST_NAMES if name in existing), None)
    if test is None or "train" not in existing:
        return {_ALL: tree.root}
    return {"train": tree.root / "train", "test": tree.root / test}


def _from_folders(tree: FolderTree, names: Sequence[str]) -> Listing:
    listing, errors = Listing(), RowErrors()
    for split, parent in _parents(tree).items():
        for label, name in enumerate(names):
            try:
                paths = _videos_in(tree, parent / name)
            except ValueError as error:
                errors.add(repr(tree.name(parent)), error)
                continue
            for path in paths:
                video = Video(id=tree.name(path), path=path, labels=(label,))
                listing.add_file(split, video, tree, errors)
    errors.check("names")
    if not listing.entries:
        raise ValueError(f"{tree.root} contains no <class>/<video>{SUFFIXES[0]}")
    return listing


def _videos_in(tree: FolderTree, folder: Path) -> list[Path]:
    """Return the videos of a class: files, and folders of pictures."""
    contents = tree.folder(folder)
    files = [name for name in contents.files if is_video(name)]
    frames = [n for n in contents.folders if n in contents.links or _has_pictures(folder / n)]
    return [folder / name for name in sorted((*files, *frames))]


def _has_pictures(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(_PICTURES) for entry in entries)


def _from_csv(tree: FolderTree, files: Mapping[str, Path], names: Sequence[str]) -> Listing:
    listing, errors = Listing(), RowErrors()
    labels = {name: label for label, name in enumerate(names)}
    for split, file in files.items():
        text_rows.read(file, _row_handler(listing, split, tree, labels, names), errors)
    errors.check()
    if not listing.entries:
        raise ValueError(f"{', '.join(map(str, files.values()))} contains no rows")
    return listing


def _row_handler(
    listing: Listing, split: str, tree: FolderTree, labels: Mapping[str, int], names: Sequence[str]
) -> Callable[[str], None]:
    def add_row(text: str) -> None:
        name, label = _columns(text)
        if [name, label] == _HEAD:
            return
        path = tree.resolve(tree.root, name)
        if not is_video(name) and _OTHER_FILE.search(name):
            raise ValueError(f"{name!r} has no video suffix, such as {SUFFIXES[0]}")
        number = labels.get(label) if names else text_rows.parse_label(label, None)
        if number is None:
            raise class_tables.UnknownClassError(label, names)
        listing.add(split, Video(id=normalise_path(name), path=path, labels=(number,)))

    return add_row


def _columns(text: str) -> list[str]:
    row = text_rows.split_csv(text)
    if len(row) != len(_HEAD):
        raise ValueError(f"{text!r} has {len(row)} columns; expected a path, a comma and a label")
    if "" in row or row != [cell.strip() for cell in row]:
        raise ValueError(f"{text!r} has an empty column, or spaces around one")
    return row


def _names_in(files: Iterable[Path]) -> tuple[str, ...]:
    """Return the class names in the rows of lists; none if the first label is a number.

    Rows that disagree with the first one are refused later, when videos are listed.
    """
    labels: dict[str, None] = {}

    def add_row(text: str) -> None:
        row = _columns(text)
        if row != _HEAD:
            labels[row[1]] = None

    for file in files:
        text_rows.read(file, add_row, RowErrors())
    names = [name for name in labels if not text_rows.is_number(name)]
    first = next(iter(labels), "0")
    return () if text_rows.is_number(first) else tuple(sorted(names))
