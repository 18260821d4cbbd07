"""ActivityNet v1.3, whole untrimmed videos: the labels of a video are those of its annotations.

A video is called by its YouTube id, which is its id here. Labels follow the order of the class
names, by code point. Split `test` is the subset that the data set calls validation; those of its
testing subset have no annotations.

Source: Heilbron et al., ActivityNet (2015); release 1.3 and its annotations.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.data.datasets import class_names as tables
from harness.data.datasets import official_files
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.list_files import from_files
from harness.data.datasets.text_rows import RowErrors
from harness.data.video import Video
from harness.utils import lookup

_FILE = "activity_net.v1-3.min.json"
_SUBSETS = {"train": "training", "test": "validation"}
_FOLDERS = {"train": ("videos", "train"), "test": ("videos", "val")}
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_MAX_BYTES = 500_000_000
Json = Mapping[str, Any]


def class_names(root: Path) -> tuple[str, ...]:
    """Return the official names, by label.

    Raises:
        ValueError: If the copy has annotations, and the leaves of their taxonomy are others.
    """
    official = tables.official_names("activitynet")
    file = official_files.find(root, _FILE)
    if file is not None:
        official_files.check_names(_leaves(_read(file), file), official, where=file)
    return official


def videos(root: Path, split: str, *, rows: Path | None = None) -> list[Video]:
    """List the videos of a split, those that are missing too.

    Args:
        root: Folder that holds everything.
        split: `train` or `test`.
        rows: Annotations in the official form, in a `.json`, or another file of rows that begin
            with a path and end with a label; None for the official file below the root.

    Raises:
        ValueError: If the annotations or all videos are missing, or annotations are wrong.
    """
    lookup.check_name(split, _SUBSETS, what="split")
    official = tables.official_names("activitynet")
    if rows is not None and rows.suffix.lower() != ".json":
        return from_files({split: rows}, root, num_classes=len(official)).splits[split]
    file = rows or official_files.require(root, _FILE)
    known, place = _places(FolderTree(root), split)
    listed = _list_split(_database(_read(file), file), split, official, place)
    if not any(video.path in known for video in listed):
        looked = ", ".join(f"{root}/{name}/" for name in _FOLDERS[split])
        raise ValueError(f"no video of ActivityNet {split} is in {looked} or {root}")
    return listed


def _read(file: Path) -> Json:
    """Read annotations.

    Raises:
        ValueError: If they are too large, or not JSON.
    """
    try:
        with file.open("rb") as content:
            text = content.read(_MAX_BYTES + 1)
        whole = json.loads(text) if len(text) <= _MAX_BYTES else None
    except (OSError, RecursionError, ValueError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    if len(text) > _MAX_BYTES:
        raise ValueError(f"{file} is over {_MAX_BYTES // 1_000_000} MB: these are no annotations")
    return whole if isinstance(whole, dict) else {}


def _database(whole: Json, file: Path) -> Json:
    found = whole.get("database")
    if isinstance(found, dict) and found:
        return found
    raise ValueError(f"{file} has no videos under `database`")


def _list_split(
    database: Json, split: str, official: tuple[str, ...], place: Callable[[str], Path]
) -> list[Video]:
    """List the videos of a split, or say all that is wrong with any of any split."""
    wrong, found = RowErrors(), list[Video]()
    labels = {name: label for label, name in enumerate(official)}
    for name, entry in database.items():
        try:
            if _subset(name, entry) == _SUBSETS[split]:
                found.append(Video(id=name, path=place(name), labels=_labels(entry, labels)))
        except ValueError as error:
            wrong.add(repr(name), error)
    wrong.check("videos")
    if not found:
        raise ValueError(f"no video of the annotations is in the subset {_SUBSETS[split]}")
    return found


def _subset(name: str, entry: Any) -> str:
    if not _ID.fullmatch(name):
        raise ValueError("this is no id of a video")
    subset = entry.get("subset") if isinstance(entry, dict) else None
    if subset not in (*_SUBSETS.values(), "testing"):
        raise ValueError(f"subset {subset!r} is none of training, validation, testing")
    return str(subset)


def _labels(entry: Json, labels: Mapping[str, int]) -> tuple[int, ...]:
    given = entry.get("annotations")
    if not isinstance(given, list) or not given:
        raise ValueError("it has no annotations")
    found = [each.get("label") if isinstance(each, dict) else None for each in given]
    for name in found:
        if not isinstance(name, str) or name not in labels:
            raise ValueError(f"label {name!r} is none of the {len(labels)} classes")
    return tuple(sorted({labels[str(name)] for name in found}))


def _leaves(whole: Json, file: Path) -> set[str]:
    """Return the names of the nodes that are nobody's parent."""
    try:
        nodes = [(each["nodeId"], each["parentId"], each["nodeName"]) for each in whole["taxonomy"]]
        parents = {parent for _, parent, _ in nodes}
        return {str(name) for node, _, name in nodes if node not in parents}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} has no list of named nodes under `taxonomy`: {error}") from None


def _places(tree: FolderTree, split: str) -> tuple[set[Path], Callable[[str], Path]]:
    """Return what there is, and where a video lies, or else where it should lie."""
    below = [name for name in _FOLDERS[split] if name in tree.folder(tree.root).folders]
    folders = [*(tree.root / name for name in below), tree.root]
    found = official_files.video_paths(tree, folders)

    def place(name: str) -> Path:
        missing = folders[0] / f"v_{name}.mp4"
        return tree.inside(found.get(f"v_{name}") or found.get(name) or missing)

    return {*found.values()}, place
