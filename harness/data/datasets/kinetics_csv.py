"""Annotations of Kinetics: a row for each clip, and where the clip lies.

A clip is called `<YouTube id>_<start>_<end>`, in seconds with six digits, or by the id alone.
"""

import re
from pathlib import Path

from harness.data.datasets import class_names as tables
from harness.data.datasets import text_rows
from harness.data.datasets.file_tree import FolderTree, is_video, videos_by_stem
from harness.data.datasets.list_files import Listing
from harness.data.video import Video

_SPLITS = {"train": ("train",), "test": ("val", "validate", "validation", "test")}
_COLUMNS = ("label", "youtube_id", "time_start", "time_end")
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_CLIP = re.compile(r"([A-Za-z0-9_-]{11})(_[0-9]{6}_[0-9]{6})?")


def clip_id(path: str) -> str:
    """Return the name of the clip that lies at a path, or the path if it is not named as one."""
    name = path.rpartition("/")[2]
    stem = name.rpartition(".")[0] if is_video(name) else name
    return stem if _CLIP.fullmatch(stem) else path


def youtube_id(clip: str) -> str:
    """Return the YouTube id in the name of a clip, or the name if it is no such name."""
    found = _CLIP.fullmatch(clip)
    return found[1] if found else clip


def check_youtube_id(text: str) -> str:
    """Return a YouTube id.

    Raises:
        ValueError: If it is none; it may be what a spreadsheet made of one.
    """
    if not _YOUTUBE_ID.fullmatch(text):
        raise ValueError(f"{text!r} is not a YouTube id: 11 letters, digits, - or _")
    return text


def is_annotation(file: Path) -> bool:
    """Say whether a file begins with the names of the columns of annotations.

    Raises:
        ValueError: If there is no such file.
    """
    return "youtube_id" in text_rows.first_row(file).replace('"', "").split(",")


class ClassFolders:
    """The official classes, and which folders are theirs.

    Args:
        tree: Lists folders.
        folder: Folder of the folders of classes, if there are any.
    """

    def __init__(self, tree: FolderTree, folder: Path) -> None:
        self.names = tables.official_names("kinetics400")
        self.labels = tables.labels_by_spelling(self.names)
        self.folder = folder
        self.folders: dict[str, int] = {}
        self.others: list[str] = []
        for name in sorted(tree.folder(folder).folders):
            label = self.labels.get(tables.normalise(name))
            if label is None:
                self.others.append(name)
            else:
                self.folders[name] = label
        self.homes = {label: folder / name for name, label in self.folders.items()}

    def label(self, name: str) -> int:
        """Return the label of a class."""
        return tables.find_label(name, self.labels, self.names)

    def home(self, label: int) -> Path:
        """Return the folder that a clip of a class should lie in."""
        if not self.homes:
            return self.folder
        return self.homes.get(label, self.folder / self.names[label])


def read_annotations(file: Path, tree: FolderTree, folder: Path, split: str) -> list[Video]:
    """List the clips that annotations name, wherever they lie in a folder or the folders in it.

    Args:
        file: The annotations, with the names of their columns in the first row.
        tree: Lists folders.
        folder: Folder of the clips. One that is not there is listed where it should be.
        split: `train` or `test`.

    Raises:
        ValueError: If a row is wrong.
    """
    wrong = text_rows.RowErrors()
    reader = _AnnotationReader(tree, folder, split)
    text_rows.read(file, reader.take, wrong)
    wrong.check()
    if not reader.listing.seen:
        raise ValueError(f"{file}: there is no row")
    return reader.listing.videos(split)


class _AnnotationReader:
    def __init__(self, tree: FolderTree, folder: Path, split: str) -> None:
        self.tree = tree
        self.split = split
        self.classes = ClassFolders(tree, folder)
        self.places = _places(tree, self.classes)
        self.listing = Listing()
        self.head: list[str] = []

    def take(self, text: str) -> None:
        row = text_rows.split_csv(text)
        if not self.head:
            self.head = row
            _check_head(row)
            return
        if len(row) != len(self.head):
            raise ValueError(f"{text!r} has {len(row)} columns, and the first row {len(self.head)}")
        if set(_COLUMNS) <= set(self.head):
            self._add(dict(zip(self.head, row, strict=True)))

    def _add(self, row: dict[str, str]) -> None:
        source = check_youtube_id(row["youtube_id"])
        clip = f"{source}_{_seconds(row, 'time_start')}_{_seconds(row, 'time_end')}"
        said = row.get("split", "")
        if said and said not in _SPLITS[self.split]:
            raise ValueError(f"{source} is of split {said!r}; allowed {_SPLITS[self.split]}")
        label = self.classes.label(row["label"])
        path = self.places.get(clip) or self.places.get(source)
        if path is None:
            path = self.classes.home(label) / f"{clip}.mp4"
        video = Video(id=clip, path=self.tree.inside(path), labels=(label,))
        self.listing.add(self.split, video)


def _check_head(head: list[str]) -> None:
    if lacks := [name for name in _COLUMNS if name not in head]:
        raise ValueError(f"{head} has no column {lacks[0]!r}, so no row can be read")


def _seconds(row: dict[str, str], column: str) -> str:
    text = row[column]
    if not text_rows.is_number(text):
        raise ValueError(f"{column} {text!r} is not a whole number of seconds")
    return f"{int(text):06d}"


def _places(tree: FolderTree, classes: ClassFolders) -> dict[str, Path]:
    """Return where each clip lies, by its name; a folder that is named as a clip holds frames."""
    inner = [*classes.folders, *(name for name in classes.others if not _CLIP.fullmatch(name))]
    found: dict[str, Path] = {}
    for folder in (classes.folder, *(classes.folder / name for name in inner)):
        for clip, name in videos_by_stem(tree.folder(folder)).items():
            found.setdefault(clip, folder / name)
    return found
