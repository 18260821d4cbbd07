"""Any folder of videos: lists `path,label`, folders of two splits, or folders of classes.

What is not in two splits is divided by a fixed rule: see `divide`.
"""

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from harness.data.datasets import class_names as tables
from harness.data.datasets import text_rows as texts
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
        rows: A list in place of these: `path,label` where it is called `.csv`, and else
            `path label`.

    Raises:
        ValueError: If there is nothing to list, or something wrong.
    """
    lookup.check_name(split, _SPLITS, what="split")
    known = class_names(root)
    if rows is not None and rows.suffix.lower() != ".csv":
        listed = from_files({split: rows}, root, num_classes=len(known) or None)
        return listed.splits[split]
    files = _csv_files(root) if rows is None else {split: rows}
    listing = (
        _from_csv(FolderTree(root), files, known)
        if files
        else _from_folders(FolderTree(root), known)
    )
    if whole := listing.videos(_ALL):
        return divide(whole)[split]
    return listing.videos(split)


def divide(whole: Sequence[Video]) -> dict[str, list[Video]]:
    """Divide videos by the SHA-256 of their ids: the lowest fifth of all hashes is for testing.

    In each class of two or more the lowest hash is for testing and the highest for training,
    whatever they are; so a new file moves another one only in classes that need this.
    """
    classes: dict[int, list[Video]] = defaultdict(list)
    for video in sorted(whole, key=_share):
        classes[video.label].append(video)
    tested = {
        video.id
        for each in classes.values()
        for place, video in enumerate(each[:-1])
        if place == 0 or _share(video) < _TEST_SHARE
    }
    return {
        "train": [video for video in whole if video.id not in tested],
        "test": [video for video in whole if video.id in tested],
    }


def _share(video: Video) -> float:
    """Return the hash of an id as a number from 0 to 1."""
    return int.from_bytes(hashlib.sha256(video.id.encode()).digest()[:8], "big") / 2**64


def _csv_files(root: Path) -> dict[str, Path]:
    """Return the lists below the root, by split; none if there is no list at all."""
    there = {name for name in ("train", *_TEST_NAMES, _ALL) if (root / f"{name}.csv").is_file()}
    if not there or there == {_ALL}:
        return {name: root / f"{name}.csv" for name in there}
    test = next((name for name in _TEST_NAMES if name in there), None)
    if test is None or "train" not in there or _ALL in there:
        found = " and ".join(f"{name}.csv" for name in sorted(there))
        wanted = f"train.csv with test.csv or val.csv, or {_ALL}.csv alone"
        raise ValueError(f"{root} holds {found}; the lists of a folder are {wanted}")
    return {"train": root / "train.csv", "test": root / f"{test}.csv"}


def _parents(tree: FolderTree) -> dict[str, Path]:
    """Return the folders of the folders of classes, by split."""
    there = tree.folder(tree.root).folders
    test = next((name for name in _TEST_NAMES if name in there), None)
    if test is None or "train" not in there:
        return {_ALL: tree.root}
    return {"train": tree.root / "train", "test": tree.root / test}


def _from_folders(tree: FolderTree, known: Sequence[str]) -> Listing:
    listing, wrong = Listing(), RowErrors()
    for split, parent in _parents(tree).items():
        for label, name in enumerate(known):
            try:
                inside = _videos_in(tree, parent / name)
            except ValueError as error:
                wrong.add(repr(tree.name(parent)), error)
                continue
            for path in inside:
                video = Video(id=tree.name(path), path=path, labels=(label,))
                listing.find(split, video, tree, wrong)
    wrong.check("names")
    if not listing.seen:
        raise ValueError(f"{tree.root} holds no <class>/<video>{SUFFIXES[0]}")
    return listing


def _videos_in(tree: FolderTree, folder: Path) -> list[Path]:
    """Return the videos of a class: files, and folders of pictures."""
    inside = tree.folder(folder)
    files = [name for name in inside.files if is_video(name)]
    frames = [n for n in inside.folders if n in inside.links or _has_pictures(folder / n)]
    return [folder / name for name in sorted((*files, *frames))]


def _has_pictures(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(_PICTURES) for entry in entries)


def _from_csv(tree: FolderTree, files: Mapping[str, Path], known: Sequence[str]) -> Listing:
    listing, wrong = Listing(), RowErrors()
    labels = {name: label for label, name in enumerate(known)}
    for split, file in files.items():
        texts.read(file, _row_handler(listing, split, tree, labels, known), wrong)
    wrong.check()
    if not listing.seen:
        raise ValueError(f"{', '.join(map(str, files.values()))}: there is no row")
    return listing


def _row_handler(
    listing: Listing, split: str, tree: FolderTree, labels: Mapping[str, int], known: Sequence[str]
) -> Callable[[str], None]:
    def take(text: str) -> None:
        name, label = _columns(text)
        if [name, label] == _HEAD:
            return
        place = tree.place(tree.root, name)
        if not is_video(name) and _OTHER_FILE.search(name):
            raise ValueError(f"{name!r} does not end as a video does (such as {SUFFIXES[0]})")
        number = labels.get(label) if known else texts.parse_label(label, None)
        if number is None:
            raise tables.UnknownClassError(label, known)
        listing.add(split, Video(id=normalise_path(name), path=place, labels=(number,)))

    return take


def _columns(text: str) -> list[str]:
    row = texts.split_csv(text)
    if len(row) != len(_HEAD):
        raise ValueError(f"{text!r} has {len(row)} columns; a row is a path, a comma and a label")
    if "" in row or row != [each.strip() for each in row]:
        raise ValueError(f"{text!r} has an empty column, or blanks at an end of one")
    return row


def _names_in(files: Iterable[Path]) -> tuple[str, ...]:
    """Return the names that the rows of lists give; none if the first label is a number.

    The rows that do not go with the first one are refused when they are listed.
    """
    found: dict[str, None] = {}

    def take(text: str) -> None:
        row = _columns(text)
        if row != _HEAD:
            found[row[1]] = None

    for file in files:
        texts.read(file, take, RowErrors())
    named = [name for name in found if not texts.is_number(name)]
    first = next(iter(found), "0")
    return () if texts.is_number(first) else tuple(sorted(named))
