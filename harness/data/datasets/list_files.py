"""Lists of labelled videos from other people.

A row is valid, or refused with its line number; a column is never guessed, and no video is opened
here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.data.datasets import text_rows
from harness.data.datasets.file_tree import SUFFIXES, FolderTree, is_video, normalise_path
from harness.data.datasets.text_rows import MAX_ROWS, RowErrors
from harness.data.video import Video

_ROWS_FOR_BASE = 1000


@dataclass(frozen=True, kw_only=True)
class ListedVideos:
    """Contents of list files: the videos of each split, and the number of repeated rows."""

    splits: dict[str, list[Video]]
    repeated: int


class Listing:
    """Videos by id: a repeated one counts once, and a contradiction is an error."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[str, Video]] = {}
        self.repeated = 0

    def add(self, split: str, video: Video) -> None:
        """Add a video.

        Raises:
            ValueError: If it is already listed in another split, with other labels or another path.
        """
        first_split, first_video = self.entries.setdefault(video.id, (split, video))
        if first_video is video:
            return
        if first_split != split:
            raise ValueError(f"{video.id!r} is in split {first_split!r} already: a leak")
        if first_video.labels != video.labels:
            label = video.label
            raise ValueError(
                f"{video.id!r} has label {label}, but had label {first_video.label} before"
            )
        if first_video.path != video.path:
            raise ValueError(f"{video.id!r} is {video.path}, but was {first_video.path} before")
        self.repeated += 1

    def add_file(self, split: str, video: Video, tree: FolderTree, errors: RowErrors) -> None:
        """Add a video from a folder, or its error."""
        try:
            tree.check_inside(video.path)
            self.add(split, video)
        except ValueError as error:
            errors.add(repr(tree.name(video.path)), error)

    def videos(self, split: str) -> list[Video]:
        """Return the videos of a split, in the order of their addition."""
        return [video for listed_split, video in self.entries.values() if listed_split == split]


class Row(NamedTuple):
    """A valid row: a path as written, and a label."""

    name: str
    label: int


def from_files(
    files: Mapping[str, Path],
    root: Path,
    *,
    num_classes: int | None = None,
    max_rows: int = MAX_ROWS,
    folders: Mapping[str, Sequence[Path]] | None = None,
    identity: Callable[[str], str] = str,
) -> ListedVideos:
    """Read list files of rows `path label`, or `path frames label` of folders of frames.

    Args:
        files: File of each split.
        root: Folder that holds all videos.
        num_classes: Exclusive bound of the labels; None for no bound.
        max_rows: Limit on the rows of a file.
        folders: Base folders of the paths of a split besides the root: the one that holds the most
            of the first rows is the base of all.
        identity: Function from a path as written to an id.

    Raises:
        ValueError: If a row is invalid; shows up to 20 errors and the number of the others.
    """
    errors, listing, tree = RowErrors(), Listing(), FolderTree(root)
    for split, file in files.items():
        base = _base(file, tree, (folders or {}).get(split, ()))
        handler = _row_handler(listing, split, _RowParser(num_classes), tree, base, identity)
        text_rows.read(file, handler, errors, max_rows=max_rows)
    errors.check()
    if not listing.entries:
        raise ValueError(f"{', '.join(map(str, files.values()))} contains no rows")
    splits = {split: listing.videos(split) for split in files}
    return ListedVideos(splits=splits, repeated=listing.repeated)


def _row_handler(
    listing: Listing,
    split: str,
    columns: "_RowParser",
    tree: FolderTree,
    base: Path,
    identity: Callable[[str], str],
) -> Callable[[str], None]:
    def add_row(text: str) -> None:
        row = columns.row(text)
        path = tree.resolve(base, row.name)
        name = identity(normalise_path(row.name))
        listing.add(split, Video(id=name, path=path, labels=(row.label,)))

    return add_row


def _base(file: Path, tree: FolderTree, folders: Sequence[Path]) -> Path:
    """Return the folder that holds the most of the first rows of a list; the root by default."""
    if not folders:
        return tree.root
    names: list[str] = []
    columns = _RowParser(None)

    def add_row(text: str) -> None:
        names.append(columns.row(text).name)

    text_rows.read(file, add_row, RowErrors(), max_rows=_ROWS_FOR_BASE)

    def num_held(base: Path) -> int:
        return sum(_contains(tree, base, name) for name in names)

    return max((tree.root, *folders), key=num_held)


def _contains(tree: FolderTree, base: Path, name: str) -> bool:
    try:
        return tree.exists(tree.resolve(base, name))
    except ValueError:
        return False


class _RowParser:
    """A parser of rows, split at their last spaces or tabs; all have the same columns."""

    def __init__(self, num_classes: int | None) -> None:
        self.num_classes = num_classes
        self.is_frame_folder: bool | None = None

    def row(self, text: str) -> Row:
        separator = "\t" if "\t" in text else " "
        name, separator_found, last = _split(text.rstrip(" "), separator)
        if not separator_found or not name:
            raise ValueError(f"{text!r} is not a path, a space or tab, and a label")
        is_frame_folder = not is_video(name)
        if is_frame_folder:
            name = _frame_folder(name, separator)
        if name != name.strip():
            raise ValueError(f"{name!r} starts or ends with a space")
        row = Row(name, text_rows.parse_label(last, self.num_classes))
        if self.is_frame_folder not in (None, is_frame_folder):
            raise ValueError(f"{text!r} has other columns than the rows before it")
        self.is_frame_folder = is_frame_folder
        return row


def _split(text: str, separator: str) -> tuple[str, str, str]:
    name, separator_found, last = text.rpartition(separator)
    return (name.rstrip(" ") if separator == " " else name), separator_found, last


def _frame_folder(text: str, separator: str) -> str:
    """Return the path from a path and a number of frames."""
    name, separator_found, count = _split(text, separator)
    if not separator_found or not name or is_video(name) or not text_rows.is_number(count):
        errors = f"{text!r} has no video suffix, such as {SUFFIXES[0]}"
        raise ValueError(f"{errors}; expected a path and a label, or a folder, frames and a label")
    return name
