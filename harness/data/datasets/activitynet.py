"""ActivityNet v1.3, untrimmed videos: a video has the labels of all its annotations.

The id of a video is its YouTube id. Labels follow the order of the class names, by code point.
Split `test` is the validation subset of the data set; its testing subset has no annotations.

Source: Heilbron et al., ActivityNet (2015); release 1.3 and its annotations.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.data.datasets import class_names as class_tables
from harness.data.datasets import official_files
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists.files import from_files
from harness.data.datasets.lists.text_rows import RowErrors
from harness.data.video import Video
from harness.utils import lookup

_FILE = "activity_net.v1-3.min.json"
_SUBSETS = {"train": "training", "test": "validation"}
# The five archives of the data set unpack to v1-2 and v1-3; an id is unique among all of them.
_ARCHIVES = ("v1-3/train_val", "v1-2_train", "v1-2_val", "v1-3_train_val")
_FOLDERS = {
    "train": ("videos", "train", "train_val", "v1-2/train", "v1-2/val", *_ARCHIVES),
    "test": ("videos", "val", "train_val", "v1-2/val", "v1-2/train", *_ARCHIVES),
}
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
Json = Mapping[str, Any]


def class_names(root: Path, *, also: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the official names, by label.

    Raises:
        ValueError: If the copy has annotations whose taxonomy has other leaves.
    """
    del also
    official = class_tables.official_names("activitynet")
    file = official_files.find(root, _FILE)
    if file is not None:
        official_files.check_names(_leaves(_read(file), file), official, file=file)
    return official


def lists(root: Path) -> list[Path]:
    """Return the official file below the root."""
    file = official_files.find(root, _FILE)
    return [] if file is None else [file]


def videos(
    root: Path, split: str, *, rows: Path | None = None, also: Sequence[Path] = ()
) -> list[Video]:
    """List the videos of a split, missing ones included.

    Args:
        root: Folder of the annotations and videos.
        split: `train` or `test`.
        rows: Annotations in the official form, in a `.json`, or another list of paths and labels;
            None for the official file below the root.
        also: Other folders that links may lead into.

    Raises:
        ValueError: If the annotations or all videos are missing, or annotations are invalid.
    """
    lookup.check_name(split, _SUBSETS, what="split")
    official = class_tables.official_names("activitynet")
    tree = FolderTree(root, also)
    if rows is not None and rows.suffix.lower() != ".json":
        folders = {split: _folders(tree, split)}
        listed = from_files(
            {split: rows},
            tree,
            classes=official,
            folders=folders,
            known=lambda: videos(root, split, also=also),
        )
        return listed.splits[split]
    file = rows or official_files.require(root, _FILE)
    existing, path_of = _video_paths(tree, split)
    split_videos = _list_split(_database(_read(file), file), split, official, path_of)
    if not any(video.path in existing for video in split_videos):
        places = ", ".join(f"{name}/" for name in _FOLDERS[split])
        archives = official_files.describe_archives(tree)
        raise ValueError(
            f"no video of ActivityNet {split} is in {root} or below it in {places}{archives}"
        )
    return split_videos


def _read(file: Path) -> Json:
    content = official_files.read_json(file)
    return content if isinstance(content, dict) else {}


def _database(content: Json, file: Path) -> Json:
    database = content.get("database")
    if isinstance(database, dict) and database:
        return database
    raise ValueError(f"{file} has no videos under `database`")


def _list_split(
    database: Json, split: str, official: tuple[str, ...], path_of: Callable[[str], Path]
) -> list[Video]:
    """List the videos of a split, or raise the errors in all splits at once."""
    errors, split_videos = RowErrors(), list[Video]()
    labels = {name: label for label, name in enumerate(official)}
    for name, entry in database.items():
        try:
            if _subset(name, entry) == _SUBSETS[split]:
                split_videos.append(
                    Video(id=name, path=path_of(name), labels=_labels(entry, labels))
                )
        except ValueError as error:
            errors.add(repr(name), error)
    errors.check("videos")
    if not split_videos:
        raise ValueError(f"no video of the annotations is in the subset {_SUBSETS[split]}")
    return split_videos


def _subset(name: str, entry: Any) -> str:
    if not _ID.fullmatch(name):
        raise ValueError("name is not a YouTube id")
    subset = entry.get("subset") if isinstance(entry, dict) else None
    if subset not in (*_SUBSETS.values(), "testing"):
        raise ValueError(f"subset {subset!r} is not one of training, validation, testing")
    return str(subset)


def _labels(entry: Json, labels: Mapping[str, int]) -> tuple[int, ...]:
    annotations = entry.get("annotations")
    if not isinstance(annotations, list) or not annotations:
        raise ValueError("video has no annotations")
    names = [item.get("label") if isinstance(item, dict) else None for item in annotations]
    for name in names:
        if not isinstance(name, str) or name not in labels:
            raise ValueError(f"label {name!r} is not one of the {len(labels)} classes")
    return tuple(sorted({labels[str(name)] for name in names}))


def _leaves(content: Json, file: Path) -> set[str]:
    """Return the names of the nodes without children."""
    try:
        nodes = [
            (node["nodeId"], node["parentId"], node["nodeName"]) for node in content["taxonomy"]
        ]
        parents = {parent for _, parent, _ in nodes}
        return {str(name) for node, _, name in nodes if node not in parents}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} has no list of named nodes under `taxonomy`: {error}") from None


def _folders(tree: FolderTree, split: str) -> list[Path]:
    return official_files.existing_folders(tree, _FOLDERS[split])


def _video_paths(tree: FolderTree, split: str) -> tuple[set[Path], Callable[[str], Path]]:
    """Return the videos on disk, and a function from a name to the path of a video."""
    folders = [*_folders(tree, split), tree.root]
    paths = official_files.video_paths(tree, folders)

    def path_of(name: str) -> Path:
        missing = folders[0] / f"v_{name}.mp4"
        return tree.check_inside(paths.get(f"v_{name}") or paths.get(name) or missing)

    return {*paths.values()}, path_of
