"""Annotations of Kinetics: a row for each clip, and the path of the clip."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harness.data.datasets import class_names as class_tables
from harness.data.datasets.file_tree import FolderTree, videos_by_stem
from harness.data.datasets.lists import kinetics_json, text_rows
from harness.data.datasets.lists.clip_names import check_split, check_youtube_id, clip_name, is_clip
from harness.data.datasets.lists.listing import Listing
from harness.data.video import Video

_COLUMNS = ("label", "youtube_id", "time_start", "time_end")
# Intact copies of clips that are damaged in the archives, in a folder of their own.
_REPLACEMENTS = ("replacement", "replacement_for_corrupted_k400")
_DEPTH = 3


def is_annotation(file: Path) -> bool:
    """Return whether a file is JSON, or its first row names the columns of annotations.

    Raises:
        ValueError: If the file cannot be read.
    """
    is_json = kinetics_json.is_json(file)
    return is_json or "youtube_id" in _column_names(text_rows.first_row(file))


def _column_names(text: str) -> list[str]:
    """Return the names in a header, in lower case; empty if it is no row of a table."""
    with contextlib.suppress(ValueError):
        return [name.strip().lower() for name in text_rows.split_csv(text, _separator(text))]
    return []


def _separator(text: str) -> str:
    """Return what separates the columns of a table, from its header."""
    return max(",;\t", key=text.count)


class ClassFolders:
    """Class folders, matched with the official class names.

    Args:
        tree: Folders below the root.
        folder: Parent of the class folders, if there are any.
    """

    def __init__(self, tree: FolderTree, folder: Path) -> None:
        self.names = class_tables.official_names("kinetics400")
        self.labels = class_tables.labels_by_spelling(self.names)
        self.folder = folder
        self.folders: dict[str, int] = {}
        self.unknown: list[str] = []
        for name in sorted(tree.folder(folder).folders):
            label = self.labels.get(class_tables.normalise(name))
            if label is None:
                self.unknown.append(name)
            else:
                self.folders[name] = label
        self.folders_by_label = {label: folder / name for name, label in self.folders.items()}

    def label(self, name: str) -> int:
        """Return the label of a class."""
        return class_tables.find_label(name, self.labels, self.names)

    def folder_of(self, label: int) -> Path:
        """Return the folder for the clips of a class."""
        if not self.folders_by_label:
            return self.folder
        return self.folders_by_label.get(label, self.folder / self.names[label])


def read_annotations(file: Path, tree: FolderTree, folder: Path, split: str) -> list[Video]:
    """List the clips of annotations, which may lie in a folder or in its subfolders.

    Args:
        file: The annotations, in JSON, or with column names in the first row.
        tree: Folders below the root.
        folder: Folder of the clips; a missing clip is listed at its expected path.
        split: `train` or `test`.

    Raises:
        ValueError: If a row is invalid.
    """
    errors = text_rows.RowErrors()
    reader = _AnnotationReader(tree, folder, split)
    if kinetics_json.is_json(file):
        kinetics_json.read(file, reader.add, errors)
    else:
        text_rows.read(file, reader.add_row, errors)
    errors.check()
    if not reader.listing.entries:
        raise ValueError(f"{file} contains no rows")
    return reader.listing.videos(split)


class _AnnotationReader:
    def __init__(self, tree: FolderTree, folder: Path, split: str) -> None:
        self.tree = tree
        self.split = split
        self.classes = ClassFolders(tree, folder)
        self.paths = _clip_paths(tree, self.classes)
        self.listing = Listing()
        self.header: list[str] = []
        self.separator = ","

    def add_row(self, text: str) -> None:
        if not self.header:
            self.header, self.separator = _column_names(text), _separator(text)
            _check_header(self.header)
            return
        row = text_rows.split_csv(text, self.separator)
        if len(row) != len(self.header):
            columns = f"{len(row)} columns, but the first row has {len(self.header)}"
            raise ValueError(f"{text!r} has {columns}")
        if set(_COLUMNS) <= set(self.header):
            self.add(dict(zip(self.header, row, strict=True)))

    def add(self, row: dict[str, str]) -> None:
        source, clip = check_youtube_id(row["youtube_id"]), clip_name(row)
        check_split(row, self.split)
        label = self.classes.label(row["label"])
        path = self.paths.get(clip) or self.paths.get(source)
        if path is None:
            path = self.classes.folder_of(label) / f"{clip}.mp4"
        video = Video(id=clip, path=self.tree.check_inside(path), labels=(label,))
        self.listing.add(self.split, video)


def _check_header(header: list[str]) -> None:
    if missing := [name for name in _COLUMNS if name not in header]:
        raise ValueError(f"{header} has no column {missing[0]!r}")


def _clip_paths(tree: FolderTree, classes: ClassFolders) -> dict[str, Path]:
    """Return the path of each clip by its name; a folder with the name of a clip holds frames."""
    replacements = [tree.root / name for name in _REPLACEMENTS]
    paths: dict[str, Path] = {}
    for base in (*replacements, classes.folder):
        for folder in _folders_below(tree, base):
            for clip, name in videos_by_stem(tree.folder(folder)).items():
                paths.setdefault(clip, folder / name)
    return paths


def _folders_below(tree: FolderTree, folder: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """Yield a folder and those inside it, such as classes and parts, that are no clip."""
    yield folder
    if depth:
        for name in sorted(tree.folder(folder).folders):
            if not is_clip(name):
                yield from _folders_below(tree, folder / name, depth - 1)
