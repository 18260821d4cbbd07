"""Kinetics-400, in the layouts in which it is published and copied.

A clip is called `<YouTube id>_<start>_<end>`, or by the id alone, and that is its id here wherever
it lies. Split `test` is what Kinetics calls val.

Source: Kay et al., The Kinetics Human Action Video Dataset (2017); annotations and archives of the
Common Visual Data Foundation; folders and lists of MMAction, which the DSANet release shares.
"""

from collections.abc import Sequence
from pathlib import Path

from harness.data.datasets import class_names as tables
from harness.data.datasets.file_tree import FolderTree, videos_by_stem
from harness.data.datasets.kinetics_csv import (
    ClassFolders,
    clip_id,
    is_annotation,
    read_annotations,
)
from harness.data.datasets.list_files import Listing, from_files
from harness.data.datasets.text_rows import RowErrors
from harness.data.video import Video
from harness.utils import lookup

FOLDERS = {
    "train": ("train", "train_256", "videos_train", "rawframes_train"),
    "test": ("val", "val_256", "videos_val", "rawframes_val"),
}
_ANNOTATIONS = {
    "train": ("train.csv", "kinetics_train.csv"),
    "test": ("val.csv", "validate.csv", "kinetics_val.csv"),
}
_LISTS = (
    "kinetics400_{}_list_videos.txt",
    "kinetics400_{}_list_rawframes.txt",
    "kinetics_{}_list.txt",
)


def class_names(root: Path) -> tuple[str, ...]:
    """Return the official names, by label, which every copy has."""
    del root
    return tables.official_names("kinetics400")


def videos(root: Path, split: str, *, rows: Path | None = None) -> list[Video]:
    """List the videos of a split, those that are missing too where its lists name them.

    Args:
        root: Folder that holds everything.
        split: `train` or `test`.
        rows: Annotations, or rows `path label` or `path frames label`; None for those below the
            root, or the folders of classes there.

    Raises:
        ValueError: If there is nothing to list, a choice of copies, or something wrong.
    """
    lookup.check_name(split, FOLDERS, what="split")
    tree = FolderTree(root)
    file = rows or _find_list(root, split)
    if file is None:
        return _list_class_folders(tree, split)
    if is_annotation(file):
        return read_annotations(file, tree, _folder(tree, split), split)
    return from_rows(file, root, split, num_classes=len(class_names(root)))


def from_rows(file: Path, root: Path, split: str, *, num_classes: int) -> list[Video]:
    """List the videos of rows `path label`, which begin at the root or a folder of the split.

    Raises:
        ValueError: If a row is wrong.
    """
    listed = from_files(
        {split: file},
        root,
        num_classes=num_classes,
        folders={split: _folders(FolderTree(root), split)},
        identity=clip_id,
    )
    return listed.splits[split]


def _single(found: Sequence[Path]) -> Path | None:
    """Return the one that is there, or None.

    Raises:
        ValueError: If several are.
    """
    if len(found) > 1:
        several = ", ".join(map(str, found))
        raise ValueError(f"there is more than one copy, and none is guessed: {several}")
    return found[0] if found else None


def _find_list(root: Path, split: str) -> Path | None:
    """Return the annotations below the root, or else the list."""
    annotations = _ANNOTATIONS[split]
    lists = [name.format(FOLDERS[split][0]) for name in _LISTS]
    for known in ([f"annotations/{name}" for name in annotations], annotations, lists):
        if file := _single([root / name for name in known if (root / name).is_file()]):
            return file
    return None


def _folders(tree: FolderTree, split: str) -> list[Path]:
    there = tree.folder(tree.root).folders
    return [tree.root / name for name in FOLDERS[split] if name in there]


def _folder(tree: FolderTree, split: str) -> Path:
    found = _single(_folders(tree, split))
    if found is None:
        looked = ", ".join(f"{name}/" for name in FOLDERS[split])
        raise ValueError(f"{tree.root} holds no videos of Kinetics-400 {split}: none of {looked}")
    return found


def _list_class_folders(tree: FolderTree, split: str) -> list[Video]:
    """List what lies in the folders of classes; refuse folders of no class."""
    folder = _folder(tree, split)
    classes, listing, wrong = ClassFolders(tree, folder), Listing(), RowErrors()
    if not classes.folders and not classes.others:
        missing = f"no {_ANNOTATIONS[split][0]} in {tree.root} or {tree.root}/annotations"
        raise ValueError(f"{folder} has no folders of classes, and there is {missing}")
    for name in classes.others:
        wrong.add(tree.name(folder), tables.UnknownClassError(name, classes.names))
    for name, label in classes.folders.items():
        _list_class(tree, folder / name, label, split, listing, wrong)
    wrong.check("names")
    return listing.videos(split)


def _list_class(
    tree: FolderTree, folder: Path, label: int, split: str, listing: Listing, wrong: RowErrors
) -> None:
    try:
        inside = videos_by_stem(tree.folder(folder))
    except ValueError as error:
        wrong.add(tree.name(folder.parent), error)
        return
    for name in inside.values():
        clip = clip_id(f"{folder.name}/{name}")
        listing.find(split, Video(id=clip, path=folder / name, labels=(label,)), tree, wrong)
