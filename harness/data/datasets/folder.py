"""Any folder of videos: lists of paths and labels, folders of two splits, or folders of classes.

Videos without splits are divided by a fixed rule: see `divide`.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote

from harness.data.datasets.class_names import check_distinct
from harness.data.datasets.file_names import SUFFIXES, is_video
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists import root_lists
from harness.data.datasets.lists.files import from_files, has_labels, names_in
from harness.data.datasets.lists.listing import Listing
from harness.data.datasets.lists.root_lists import ALL, LISTS, TEST_NAMES, TRAIN_NAMES
from harness.data.datasets.lists.text_rows import RowErrors
from harness.data.datasets.video_folders import videos_below
from harness.data.video import Video
from harness.utils import lookup

_SPLITS = ("train", "test")
_TEST_SHARE = 0.2
_MOST_SUFFIXES = 5
ClassVideos = dict[str, list[Path]]


def class_names(root: Path, *, also: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the names by label, in alphabetical order; none where labels are numbers.

    A folder that holds no video in any split is no class.
    """
    tree = FolderTree(root, also)
    files = root_lists.find(tree)
    if files and has_labels(files.values(), tree):
        names = names_in(files.values(), tree)
        check_distinct(names)
        return names
    return _names(_scan(tree, RowErrors()))


def lists(root: Path) -> list[Path]:
    """Return the lists in the root that are read."""
    return [*root_lists.find(FolderTree(root)).values()]


def videos(
    root: Path, split: str, *, rows: Path | None = None, also: Sequence[Path] = ()
) -> list[Video]:
    """List the videos of a split.

    Args:
        root: Holds `train.csv` and `test.csv` or `val.csv`, or `videos.csv`, of paths and labels;
            or `train/<class>/` and `test/<class>/` or `val/<class>/`; or `<class>/`.
        split: `train` or `test`.
        rows: A list of paths and labels in place of these.
        also: Other folders that links may lead into.

    Raises:
        ValueError: If no video is found, or a row or a name is invalid.
    """
    lookup.check_name(split, _SPLITS, what="split")
    tree = FolderTree(root, also)
    files = root_lists.find(tree) if rows is None else {split: rows}
    if files:
        names = class_names(root, also=also)
        listed = from_files(
            files, tree, classes=names or None, known=lambda: _known(tree, is_root=rows is None)
        ).splits
        return divide(listed[ALL])[split] if ALL in listed else listed[split]
    listing = _from_folders(tree)
    if unsplit := listing.videos(ALL):
        return divide(unsplit)[split]
    return listing.videos(split)


def _known(tree: FolderTree, *, is_root: bool) -> list[Video]:
    """List the videos of both splits with their classes, for a list that names none.

    Args:
        tree: The root.
        is_root: Whether that list is the one of the root, so that folders alone give classes.
    """
    files = {} if is_root else root_lists.find(tree)
    if files and has_labels(files.values(), tree):
        listed = from_files(files, tree, classes=names_in(files.values(), tree) or None).splits
    else:
        listed = {split: _from_folders(tree).videos(split) for split in (*_SPLITS, ALL)}
    return [video for split_videos in listed.values() for video in split_videos]


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


def _parents(tree: FolderTree) -> dict[str, Path]:
    """Return the parents of the class folders, by split."""
    existing: dict[str, str] = {}
    for name in sorted(tree.folder(tree.root).folders, reverse=True):
        existing[name.lower()] = name
    test = next((name for name in TEST_NAMES if name in existing), None)
    train = next((name for name in TRAIN_NAMES if name in existing), None)
    if test is None or train is None:
        return {ALL: tree.root}
    return {"train": tree.root / existing[train], "test": tree.root / existing[test]}


def _scan(tree: FolderTree, errors: RowErrors) -> dict[str, ClassVideos]:
    """Return the videos of each class that has some, by split, and collect errors."""
    splits: dict[str, ClassVideos] = {}
    for split, parent in _parents(tree).items():
        classes = splits[split] = {}
        for name in sorted(tree.folder(parent).folders):
            try:
                found = videos_below(tree, parent / name)
            except ValueError as error:
                errors.add(repr(tree.name(parent)), error)
                continue
            if found:
                classes[name] = found
    return splits


def _names(splits: Mapping[str, ClassVideos]) -> tuple[str, ...]:
    """Return the names of the classes that have videos, in alphabetical order."""
    names = sorted({name for classes in splits.values() for name in classes})
    check_distinct(names)
    return tuple(names)


def _from_folders(tree: FolderTree) -> Listing:
    listing, errors = Listing(), RowErrors()
    splits, parents = _scan(tree, errors), _parents(tree)
    labels = {name: label for label, name in enumerate(_names(splits))}
    for split, classes in splits.items():
        _check_depth(tree, parents[split], classes)
        for name, paths in classes.items():
            for path in paths:
                video = Video(id=tree.name(path), path=path, labels=(labels[name],))
                listing.add_file(split, video, tree, errors)
    errors.check("names")
    if not listing.entries:
        raise ValueError(
            f"{tree.root} contains no <class>/<video>{SUFFIXES[0]}{_hint(tree, parents.values())}"
        )
    return listing


def _hint(tree: FolderTree, parents: Iterable[Path]) -> str:
    """Say what the root contains instead of videos in folders of classes."""
    files = tree.folder(tree.root).files
    if lists := sorted(name for name in files if name.lower().endswith((*LISTS, ".json"))):
        option = quote(f"train={tree.root / lists[0]}")
        return f"; if {lists[0]} is a list of its videos, pass --list {option} --list test=FILE"
    folders = [parent / name for parent in parents for name in tree.folder(parent).folders]
    names = {name for folder in folders for name in tree.folder(folder).files if "." in name}
    suffixes = sorted({f".{name.rpartition('.')[2]}" for name in names})
    if suffixes:
        return f"; files there end in {', '.join(suffixes[:_MOST_SUFFIXES])}, which is not read"
    return "; the videos in it are in no folder of a class" if any(map(is_video, files)) else ""


def _check_depth(tree: FolderTree, parent: Path, classes: Mapping[str, list[Path]]) -> None:
    """Refuse folders of which it is unclear whether they or those inside them are the classes.

    Raises:
        ValueError: If videos lie below a folder of its own only, and that folder has the name of
            a class or occurs in several, or all are in one folder.
    """
    inner = {
        name: {path.relative_to(parent / name).parts[0] for path in paths}
        for name, paths in classes.items()
        if all(path.parent != parent / name for path in paths)
    }
    counts = Counter(folder for folders in inner.values() for folder in folders)
    for name, folders in inner.items():
        shared = sorted(f for f in folders if f in classes or counts[f] > 1 or len(classes) == 1)
        if shared:
            above, example = tree.name(parent / name), tree.name(parent / name / shared[0])
            raise ValueError(
                f"{tree.root} contains no <class>/<video>{SUFFIXES[0]} in {above}, but videos in "
                f"{example}: which of the two folders is the class? Pass a --root whose folders "
                "are the classes, or a list of paths and labels"
            )
