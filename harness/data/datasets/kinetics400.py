"""Kinetics-400, in the layouts of its releases and common copies.

The id of a video is the name of its clip, `<YouTube id>_<start>_<end>` or the YouTube id alone, in
any folder. Split `test` is the val split of Kinetics.

Source: Kay et al., The Kinetics Human Action Video Dataset (2017); annotations and archives of the
Common Visual Data Foundation; folders and lists of MMAction, which the DSANet release shares.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.data.datasets import class_names as class_tables
from harness.data.datasets import official_files
from harness.data.datasets.file_tree import FolderTree, videos_by_stem
from harness.data.datasets.lists.clip_names import clip_id, is_clip, youtube_id
from harness.data.datasets.lists.files import from_files
from harness.data.datasets.lists.kinetics_csv import ClassFolders, is_annotation, read_annotations
from harness.data.datasets.lists.listing import Listing
from harness.data.datasets.lists.text_rows import RowErrors
from harness.data.datasets.video_folders import holds_frames, videos_below
from harness.data.video import Video
from harness.utils import lookup

FOLDERS = {
    "train": ("train", "train_256", "videos_train", "rawframes_train"),
    "test": ("val", "val_256", "videos_val", "rawframes_val"),
}
_ANNOTATIONS = {
    "train": ("train", "kinetics_train"),
    "test": ("val", "validate", "kinetics_val"),
}
_ANNOTATION_FOLDERS = ("annotations/", "kinetics400/", "")
_LISTS = (
    "kinetics400_{}_list_videos.txt",
    "kinetics400_{}_list_rawframes.txt",
    "kinetics_{}_list.txt",
)


def class_names(root: Path, *, also: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the official names, by label; they are the same for every copy."""
    del root, also
    return class_tables.official_names("kinetics400")


def lists(root: Path) -> list[Path]:
    """Return the annotations or lists below the root that are read."""
    return [file for split in FOLDERS if (file := _find_list(root, split))]


def videos(
    root: Path, split: str, *, rows: Path | None = None, also: Sequence[Path] = ()
) -> list[Video]:
    """List the videos of a split, missing ones included if a list names them.

    Args:
        root: Folder of the lists and videos.
        split: `train` or `test`.
        rows: Annotations, or a list of paths and labels; None for those below the root, or the
            class folders there.
        also: Other folders that links may lead into.

    Raises:
        ValueError: If no video is found, several copies are present, or a row or name is invalid.
    """
    lookup.check_name(split, FOLDERS, what="split")
    tree = FolderTree(root, also)
    file = rows or _find_list(root, split)
    if file is None:
        return _list_class_folders(tree, split)
    if is_annotation(file):
        return read_annotations(file, tree, _folder(tree, split), split)

    def known() -> list[Video]:
        return videos(root, split, also=also) if rows else _list_class_folders(tree, split)

    return from_rows(file, tree, split, classes=class_names(root), known=known)


def from_rows(
    file: Path,
    tree: FolderTree,
    split: str,
    *,
    classes: int | Sequence[str],
    known: Callable[[], Sequence[Video]],
) -> list[Video]:
    """List the videos of a list of paths, relative to the root or to a folder of the split.

    Args:
        file: The list.
        tree: The root, which holds all videos.
        split: `train` or `test`.
        classes: Names by label, or the number of classes.
        known: Lists the videos of the split with their classes, for a list that names none.

    Raises:
        ValueError: If a row is invalid.
    """
    contents = from_files(
        {split: file},
        tree,
        classes=classes,
        folders={split: _folders(tree, split)},
        identity=clip_id,
        known=known,
        alias=youtube_id,
    )
    return contents.splits[split]


def _single(paths: Sequence[Path]) -> Path | None:
    """Return the only path, or None without any.

    Raises:
        ValueError: If there are several.
    """
    if len(paths) > 1:
        names = ", ".join(map(str, paths))
        raise ValueError(f"several copies are present, keep one: {names}")
    return paths[0] if paths else None


def _find_list(root: Path, split: str) -> Path | None:
    """Return the annotations below the root, or else the list."""
    annotations = [
        [f"{folder}{name}{suffix}" for name in _ANNOTATIONS[split]]
        for suffix in (".csv", ".json")
        for folder in _ANNOTATION_FOLDERS
    ]
    lists = [name.format(FOLDERS[split][0]) for name in _LISTS]
    for candidates in (*annotations, lists):
        if file := _single([root / name for name in candidates if (root / name).is_file()]):
            return file
    return None


def _folders(tree: FolderTree, split: str) -> list[Path]:
    existing = tree.folder(tree.root).folders
    return [tree.root / name for name in FOLDERS[split] if name in existing]


def _folder(tree: FolderTree, split: str) -> Path:
    folder = _single(_folders(tree, split))
    if folder is None:
        expected = ", ".join(f"{name}/" for name in FOLDERS[split])
        archives = official_files.describe_archives(tree)
        raise ValueError(
            f"{tree.root} contains no videos of Kinetics-400 {split}: expected one of "
            f"{expected}{archives}"
        )
    return folder


def _list_class_folders(tree: FolderTree, split: str) -> list[Video]:
    """List the videos in class folders; refuse folders with another name."""
    folder = _folder(tree, split)
    classes, listing, errors = ClassFolders(tree, folder), Listing(), RowErrors()
    if not classes.folders and not classes.unknown:
        places = f"{tree.root} or {tree.root}/annotations"
        archives = official_files.describe_archives(tree)
        missing = f"{_ANNOTATIONS[split][0]}.csv is not in {places}{archives}"
        raise ValueError(f"{folder} has no class folders, and {missing}")
    for name in classes.unknown:
        if videos_below(tree, folder / name):
            errors.add(tree.name(folder), class_tables.UnknownClassError(name, classes.names))
    for name, label in classes.folders.items():
        _list_class(tree, folder / name, label, split, listing, errors)
    errors.check("names")
    return listing.videos(split)


def _list_class(
    tree: FolderTree, folder: Path, label: int, split: str, listing: Listing, errors: RowErrors
) -> None:
    try:
        paths = _clips_in(tree, folder)
    except ValueError as error:
        errors.add(tree.name(folder.parent), error)
        return
    for path in paths:
        clip = clip_id(path.relative_to(folder.parent).as_posix())
        listing.add_file(split, Video(id=clip, path=path, labels=(label,)), tree, errors)


def _clips_in(tree: FolderTree, folder: Path) -> list[Path]:
    """Return the clips in a class folder, of which some may lie in folders of their own."""
    paths: list[Path] = []
    inner = tree.folder(folder).folders
    for name in videos_by_stem(tree.folder(folder)).values():
        path = folder / name
        is_folder = name in inner and not is_clip(name) and name not in tree.folder(folder).links
        nested = videos_below(tree, path) if is_folder and not holds_frames(path) else []
        paths += nested or [path]
    return paths
