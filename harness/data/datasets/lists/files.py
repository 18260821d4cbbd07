"""Lists of labelled videos from other people.

A row is valid, or refused with its line number, and no video is opened here. `formats` finds
the format of a list.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists import formats, kinetics_json, text_rows
from harness.data.datasets.lists.bases import Bases
from harness.data.datasets.lists.formats import ListFormat
from harness.data.datasets.lists.known_videos import KnownVideos
from harness.data.datasets.lists.labels import Labels
from harness.data.datasets.lists.listing import Listing
from harness.data.datasets.lists.rows import Row
from harness.data.datasets.lists.text_rows import MAX_ROWS, RowErrors
from harness.data.video import Video


@dataclass(frozen=True, kw_only=True)
class ListedVideos:
    """Contents of list files: the videos of each split, and the number of repeated rows."""

    splits: dict[str, list[Video]]
    repeated: int


def from_files(
    files: Mapping[str, Path],
    tree: FolderTree,
    *,
    classes: int | Sequence[str] | None = None,
    max_rows: int = MAX_ROWS,
    folders: Mapping[str, Sequence[Path]] | None = None,
    identity: Callable[[str], str] = str,
    known: Callable[[], Iterable[Video]] = tuple,
    alias: Callable[[str], str] = str,
) -> ListedVideos:
    """Read list files, each in its own format; see `formats`.

    A list that names no class has those of known videos, or of folders with the name of a class.

    Args:
        files: File of each split.
        tree: The root, which holds all videos.
        classes: Names by label, or the number of classes; None if neither is known.
        max_rows: Limit on the rows of a file.
        folders: Base folders of the paths of a split besides the root: the one that holds the most
            of the first rows is the base of all.
        identity: Function from a path as written to an id.
        known: Lists the videos below the root with their classes.
        alias: Function from an id to another name that a list may use.

    Raises:
        ValueError: If a row is invalid; shows up to 20 errors and the number of the others.
    """
    errors, listing = RowErrors(), Listing()
    for split, file in files.items():
        bases = Bases(tree, (folders or {}).get(split, ()))
        videos = KnownVideos(known, tree, Labels(classes), identity=identity, alias=alias)
        add = partial(listing.add, split)
        if kinetics_json.is_json(file):
            _read_clips(file, add, split, videos, errors)
        else:
            _read_rows(file, add, bases, videos, errors, max_rows)
        _check_known(file, videos, listing.videos(split))
    errors.check()
    if not listing.entries:
        raise ValueError(f"{', '.join(map(str, files.values()))} contains no rows")
    splits = {split: listing.videos(split) for split in files}
    return ListedVideos(splits=splits, repeated=listing.repeated)


def _read_clips(
    file: Path,
    add: Callable[[Video], None],
    split: str,
    videos: KnownVideos,
    errors: RowErrors,
) -> None:
    """Add the video of every annotation in JSON, and collect errors."""
    videos.check(file)
    kinetics_json.read(file, lambda row: add(videos.clip(row, split)), errors)


def _read_rows(
    file: Path,
    add: Callable[[Video], None],
    bases: Bases,
    videos: KnownVideos,
    errors: RowErrors,
    max_rows: int,
) -> None:
    """Add the video of every row of a list, and collect errors."""
    tree = videos.tree
    form = formats.detect(file, bases.holds)
    base = bases.best(file, _first_names(file, form), are_ids=not form.labelled)
    if not form.labelled:
        videos.check(file)

    def add_row(row: Row) -> None:
        if row.counted:
            _check_count(tree, base, row.name)
        add(videos.labelled(base, row) if form.labelled else videos.bare(base, row.name))

    formats.read(file, form, add_row, errors, max_rows=max_rows)


def _check_known(file: Path, videos: KnownVideos, listed: Sequence[Video]) -> None:
    """Refuse a list without labels of which no row is known.

    Raises:
        ValueError: If it is one.
    """
    if videos.num_unknown and not listed:
        raise ValueError(
            f"{file} has no labels, and none of its rows is the path or the id of a video whose "
            f"class {videos.tree.root} says, by a folder or a list; add a label to each row"
        )


def _check_count(tree: FolderTree, base: Path, name: str) -> None:
    """Refuse a row of more columns than a folder, its frames and a label, if the folder exists.

    Raises:
        ValueError: If what was read as the end of the path is a column of its own.
    """
    folder, _, last = name.rpartition(" ")
    if not folder or not text_rows.is_number(last) or tree.find(base / name):
        return
    if tree.find(base / folder):
        raise ValueError(f"{folder!r} is followed by 3 numbers; expected frames and a label")


def has_labels(files: Iterable[Path], tree: FolderTree) -> bool:
    """Return whether lists have labels.

    Raises:
        ValueError: If some have them and others do not.
    """
    bases = Bases(tree)
    labelled = {file: formats.detect(file, bases.holds).labelled for file in files}
    if len({*labelled.values()}) > 1:
        bare = next(file.name for file, has in labelled.items() if not has)
        raise ValueError(
            f"{tree.root} holds lists with labels, and {bare} without; add them there, or remove "
            "them from all lists, so that folders are the classes"
        )
    return all(labelled.values())


def names_in(files: Iterable[Path], tree: FolderTree) -> tuple[str, ...]:
    """Return the names of classes in lists, in order; none if the first label is a number.

    Rows that disagree with the first one, and those whose label does not print, are refused later,
    when videos are listed.
    """
    labels: dict[str, None] = {}
    bases = Bases(tree)
    for file in files:
        form = formats.detect(file, bases.holds)
        formats.read(file, form, lambda row: labels.setdefault(row.label), RowErrors())
    names = [name for name in labels if name.isprintable() and not text_rows.is_number(name)]
    return () if text_rows.is_number(next(iter(labels), "0")) else tuple(sorted(names))


def first_paths(file: Path, tree: FolderTree) -> list[Path | None]:
    """Return the paths on the disk of the first rows of a list; None where a row has none.

    Raises:
        ValueError: If the file is no list.
    """
    bases = Bases(tree)
    form = formats.detect(file, bases.holds)
    names = _first_names(file, form)
    base = bases.best(file, names, are_ids=not form.labelled)
    return [bases.find(base, name) for name in names]


def _first_names(file: Path, form: ListFormat) -> list[str]:
    names: list[str] = []
    for text in text_rows.first_rows(file)[form.header :]:
        with contextlib.suppress(ValueError):
            names.append(form.parse(text).name)
    return names
