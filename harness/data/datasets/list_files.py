"""Lists of labelled videos that come from somebody else.

A row is right or refused, with its line number; a column is never guessed, and no video is opened
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
    """What list files say: the videos of each split, and how many rows said the same again."""

    splits: dict[str, list[Video]]
    repeated: int


class Listing:
    """Videos by their id: one that is said twice counts once, and is not said in two ways."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[str, Video]] = {}
        self.repeated = 0

    def add(self, split: str, video: Video) -> None:
        """Take in a video.

        Raises:
            ValueError: If it stands in another split, with other labels or at another place.
        """
        before, known = self.seen.setdefault(video.id, (split, video))
        if known is video:
            return
        if before != split:
            raise ValueError(f"{video.id!r} is in split {before!r} already: a leak")
        if known.labels != video.labels:
            label = video.label
            raise ValueError(f"{video.id!r} has label {label}, and {known.label} before")
        if known.path != video.path:
            raise ValueError(f"{video.id!r} is {video.path}, and {known.path} before")
        self.repeated += 1

    def find(self, split: str, video: Video, tree: FolderTree, wrong: RowErrors) -> None:
        """Take in a video that lies in a folder, or note what is wrong with it."""
        try:
            tree.inside(video.path)
            self.add(split, video)
        except ValueError as error:
            wrong.add(repr(tree.name(video.path)), error)

    def videos(self, split: str) -> list[Video]:
        """Return the videos of a split, in the order in which they came."""
        return [video for place, video in self.seen.values() if place == split]


class Row(NamedTuple):
    """A row that is right: a path as it is written, and a label."""

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
        files: Of each split.
        root: Folder that holds all videos.
        num_classes: Labels are below it; None allows any.
        max_rows: Rows of one file.
        folders: Folders that the paths of a split may begin at, other than the root: all begin at
            the one that holds the most of the first rows.
        identity: Makes an id of a path as it is written.

    Raises:
        ValueError: If a row is wrong; shows up to 20 of them, and says how many more.
    """
    wrong, listing, tree = RowErrors(), Listing(), FolderTree(root)
    for split, file in files.items():
        base = _base(file, tree, (folders or {}).get(split, ()))
        for_split = _row_handler(listing, split, _RowParser(num_classes), tree, base, identity)
        text_rows.read(file, for_split, wrong, max_rows=max_rows)
    wrong.check()
    if not listing.seen:
        raise ValueError(f"{', '.join(map(str, files.values()))}: there is no row")
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
    def take(text: str) -> None:
        row = columns.row(text)
        path = tree.place(base, row.name)
        name = identity(normalise_path(row.name))
        listing.add(split, Video(id=name, path=path, labels=(row.label,)))

    return take


def _base(file: Path, tree: FolderTree, folders: Sequence[Path]) -> Path:
    """Return the folder that holds most of the first rows of a list; the root if none does."""
    if not folders:
        return tree.root
    names: list[str] = []
    columns = _RowParser(None)

    def take(text: str) -> None:
        names.append(columns.row(text).name)

    text_rows.read(file, take, RowErrors(), max_rows=_ROWS_FOR_BASE)

    def held(base: Path) -> int:
        return sum(_contains(tree, base, name) for name in names)

    return max((tree.root, *folders), key=held)


def _contains(tree: FolderTree, base: Path, name: str) -> bool:
    try:
        return tree.has(tree.place(base, name))
    except ValueError:
        return False


class _RowParser:
    """Splits rows at their last blanks or tabs; all rows of a list have the same columns."""

    def __init__(self, num_classes: int | None) -> None:
        self.num_classes = num_classes
        self.frames: bool | None = None

    def row(self, text: str) -> Row:
        separator = "\t" if "\t" in text else " "
        name, found, last = _split(text.rstrip(" "), separator)
        if not found or not name:
            raise ValueError(f"{text!r} is not a path, a blank or tab, and a label")
        frames = not is_video(name)
        if frames:
            name = _frame_folder(name, separator)
        if name != name.strip():
            raise ValueError(f"{name!r} has blanks at an end")
        row = Row(name, text_rows.parse_label(last, self.num_classes))
        if self.frames not in (None, frames):
            raise ValueError(f"{text!r} has other columns than the rows before it")
        self.frames = frames
        return row


def _split(text: str, separator: str) -> tuple[str, str, str]:
    name, found, last = text.rpartition(separator)
    return (name.rstrip(" ") if separator == " " else name), found, last


def _frame_folder(text: str, separator: str) -> str:
    """Split a path and a number of frames, and return the path."""
    name, found, count = _split(text, separator)
    if not found or not name or is_video(name) or not text_rows.is_number(count):
        what = f"{text!r} does not end as a video does (such as {SUFFIXES[0]})"
        raise ValueError(f"{what}; a row is a path and a label, or a folder, frames and a label")
    return name
