"""Lists of labelled videos from other people.

A row is valid, or refused with its line number, and no video is opened here. `formats` finds
the format of a list.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.datasets import class_names
from harness.data.datasets.file_tree import FolderTree, normalise_path
from harness.data.datasets.lists import formats, text_rows
from harness.data.datasets.lists.formats import ListFormat
from harness.data.datasets.lists.rows import Row
from harness.data.datasets.lists.text_rows import MAX_ROWS, RowErrors
from harness.data.video import Video

_MAX_INNER = 50
_MAX_PREFIX = 8


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


def from_files(
    files: Mapping[str, Path],
    tree: FolderTree,
    *,
    classes: int | Sequence[str] | None = None,
    max_rows: int = MAX_ROWS,
    folders: Mapping[str, Sequence[Path]] | None = None,
    identity: Callable[[str], str] = str,
) -> ListedVideos:
    """Read list files, each in its own format; see `formats`.

    Args:
        files: File of each split.
        tree: The root, which holds all videos.
        classes: Names by label, or the number of classes; None if neither is known.
        max_rows: Limit on the rows of a file.
        folders: Base folders of the paths of a split besides the root: the one that holds the most
            of the first rows is the base of all.
        identity: Function from a path as written to an id.

    Raises:
        ValueError: If a row is invalid; shows up to 20 errors and the number of the others.
    """
    errors, listing = RowErrors(), Listing()
    for split, file in files.items():
        bases = (tree.root, *(folders or {}).get(split, ()))
        form = _detect(file, tree, bases)
        base = _base(file, form, tree, bases)
        handler = _row_handler(listing, split, Labels(classes), tree, base, identity)
        formats.read(file, form, handler, errors, max_rows=max_rows)
    errors.check()
    if not listing.entries:
        raise ValueError(f"{', '.join(map(str, files.values()))} contains no rows")
    splits = {split: listing.videos(split) for split in files}
    return ListedVideos(splits=splits, repeated=listing.repeated)


class Labels:
    """Labels of the rows of a list: all are numbers, or all are names of classes.

    Args:
        classes: Names by label, or the number of classes; None if neither is known.
    """

    def __init__(self, classes: int | Sequence[str] | None) -> None:
        self.names = () if classes is None or isinstance(classes, int) else tuple(classes)
        self.count = classes if isinstance(classes, int) else len(self.names) or None
        self.by_spelling = class_names.labels_by_spelling(self.names)
        self.by_name = {name: label for label, name in enumerate(self.names)}
        self.numbered: bool | None = None

    def parse(self, text: str) -> int:
        """Return the label that a name or a number stands for.

        Raises:
            ValueError: If it is neither, or the rows before it have the other kind.
        """
        # Names may be numbers, of folders for example; their order is not that of the numbers.
        numbered = text_rows.is_number(text) and text not in self.by_name
        if self.numbered is None:
            self.numbered = numbered
        if self.numbered or not self.names:
            return text_rows.parse_label(text, self.count)
        return class_names.find_label(text, self.by_spelling, self.names)


def _row_handler(
    listing: Listing,
    split: str,
    labels: Labels,
    tree: FolderTree,
    base: Path,
    identity: Callable[[str], str],
) -> Callable[[Row], None]:
    def add_row(row: Row) -> None:
        path = tree.resolve(base, row.name)
        if row.counted:
            _check_count(tree, base, row.name)
        name = identity(normalise_path(tree.locate(base, row.name)[1]))
        listing.add(split, Video(id=name, path=path, labels=(labels.parse(row.label),)))

    return add_row


def _check_count(tree: FolderTree, base: Path, name: str) -> None:
    """Refuse a row of more columns than a folder, its frames and a label, if the folder exists.

    Raises:
        ValueError: If what was read as the end of the path is a column of its own.
    """
    folder, _, last = name.rpartition(" ")
    if not folder or not text_rows.is_number(last) or tree.exists(base / name):
        return
    if tree.exists(base / folder):
        raise ValueError(f"{folder!r} is followed by 3 numbers; expected frames and a label")


def _base(file: Path, form: ListFormat, tree: FolderTree, bases: Sequence[Path]) -> Path:
    """Return the folder that holds the most of the first rows of a list; the root by default.

    Where no row is in one of `bases`, the folders in the root are tried.

    Raises:
        ValueError: If paths are only found without their first folders, and in none of these.
    """
    names = _first_names(file, form)

    def num_held(base: Path) -> int:
        return sum(_is_below(tree, [base], name) for name in names)

    best = max(bases, key=num_held)
    if not names or num_held(best):
        return best
    other = max(_inner_folders(tree), key=num_held, default=best)
    if num_held(other):
        return other
    _check_prefix(file, names, tree, bases)
    return best


def names_in(files: Iterable[Path], tree: FolderTree) -> tuple[str, ...]:
    """Return the names of classes in lists, in order; none if the first label is a number.

    Rows that disagree with the first one, and those whose label does not print, are refused later,
    when videos are listed.
    """
    labels: dict[str, None] = {}
    for file in files:
        form = _detect(file, tree, [tree.root])
        formats.read(file, form, lambda row: labels.setdefault(row.label), RowErrors())
    names = [name for name in labels if name.isprintable() and not text_rows.is_number(name)]
    first_label = next(iter(labels), "0")
    return () if text_rows.is_number(first_label) else tuple(sorted(names))


def _detect(file: Path, tree: FolderTree, bases: Sequence[Path]) -> ListFormat:
    """Return the format of a list whose paths may begin at any folder in the root."""
    known = [*bases, *_inner_folders(tree)]
    return formats.detect(file, lambda name: _is_below(tree, known, name))


def _inner_folders(tree: FolderTree) -> list[Path]:
    return [tree.root / name for name in sorted(tree.folder(tree.root).folders)[:_MAX_INNER]]


def _first_names(file: Path, form: ListFormat) -> list[str]:
    names: list[str] = []
    for text in text_rows.first_rows(file)[form.header :]:
        with contextlib.suppress(ValueError):
            names.append(form.parse(text).name)
    return names


def _check_prefix(
    file: Path, names: Sequence[str], tree: FolderTree, bases: Sequence[Path]
) -> None:
    """Refuse a list whose paths begin with folders of another machine or another root."""
    for number in range(1, _MAX_PREFIX + 1):
        shorter = ["/".join(name.split("/")[number:]) for name in names]
        held = sum(bool(name) and _is_below(tree, bases, name) for name in shorter)
        if held:
            prefix = "/".join(names[0].split("/")[:number])
            raise ValueError(
                f"{file}: none of the first {len(names)} paths is below {tree.root}, but {held} of "
                f"them are without their first folders, such as {prefix!r}; cut these off the "
                "list, or pass the --root that they begin at"
            )


def _is_below(tree: FolderTree, bases: Sequence[Path], name: str) -> bool:
    return any(_contains(tree, base, name) for base in bases)


def _contains(tree: FolderTree, base: Path, name: str) -> bool:
    try:
        return tree.exists(tree.resolve(base, name))
    except ValueError:
        return False
