"""Lists of labelled files: rows of a text file, a folder of classes, or a passport.

A list file comes from somebody else. A row is right or refused, with its line number; a column is
never guessed, and no file is opened here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from harness.data.videos import Video

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts"),
    *(".mpg", ".mpeg", ".flv", ".ogv", ".wmv", ".3gp"),
)
SHOWN = 20
_LINE_BYTES = 8192
_SKIP_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.,-]*:")
_LABEL = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What list files say: the videos of each split, and how many rows said the same again."""

    splits: dict[str, list[Video]]
    repeated: int


def from_folder(root: Path) -> list[Video]:
    """List `root/<class>/*`, classes numbered by the order of their names.

    Raises:
        ValueError: If no class has a video, or a name cannot be printed.
    """
    classes = sorted(each for each in root.iterdir() if each.is_dir())
    listed = [
        Video(id=path.relative_to(root).as_posix(), path=path, labels=(label,))
        for label, folder in enumerate(classes)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    odd = [each.id for each in listed if not each.id.isprintable()]
    if odd:
        raise ValueError(f"{len(odd)} names have characters that do not print, as {odd[0]!r} has")
    if not listed:
        raise ValueError(f"{root} holds no <class>/<video>{SUFFIXES[0]}")
    return listed


def from_files(
    files: Mapping[str, Path],
    root: Path,
    *,
    num_classes: int | None = None,
    max_rows: int = 2_000_000,
) -> Rows:
    """Read list files of rows `path label`, one for each split.

    Args:
        files: Of each split.
        root: Folder that paths are relative to.
        num_classes: Labels are below it; None allows any.
        max_rows: Rows of one file.

    Raises:
        ValueError: If a row is wrong; shows up to 20 of them, and says how many more.
    """
    reader = _Reader(root, num_classes)
    for split, file in files.items():
        with file.open("rb") as rows:
            reader.read(rows, name=file.name, split=split, max_rows=max_rows)
    if reader.wrong:
        more = reader.wrong - len(reader.errors)
        rest = [f"and {more} more"] if more else []
        raise ValueError("\n".join([f"{reader.wrong} wrong rows:", *reader.errors, *rest]))
    if not reader.seen:
        raise ValueError(f"{', '.join(map(str, files.values()))}: there is no row")
    splits: dict[str, list[Video]] = {split: [] for split in files}
    for split, video in reader.seen.values():
        splits[split].append(video)
    return Rows(splits=splits, repeated=reader.repeated)


class _Reader:
    """Reads rows, and collects what is wrong with them."""

    def __init__(self, root: Path, num_classes: int | None) -> None:
        self.root = root
        self.num_classes = num_classes
        self.seen: dict[str, tuple[str, Video]] = {}
        self.repeated = 0
        self.wrong = 0
        self.errors: list[str] = []

    def read(self, rows: BinaryIO, *, name: str, split: str, max_rows: int) -> None:
        for number, row in enumerate(_lines(rows), start=1):
            if number > max_rows:
                error = ValueError(f"there are more than {max_rows} rows; the rest is not read")
                self._blame(name, number, error)
                return
            whole = row.removeprefix(_BOM) if number == 1 else row
            try:
                if whole.strip():
                    self._take(whole, split)
            except ValueError as error:
                self._blame(name, number, error)

    def _blame(self, name: str, number: int, error: ValueError) -> None:
        self.wrong += 1
        if len(self.errors) < SHOWN:
            self.errors.append(f"{name}, line {number}: {error}")

    def _take(self, row: bytes, split: str) -> None:
        name, text = _columns(row)
        label = _label(text, self.num_classes)
        path = self._place(name)
        identity = path.relative_to(self.root).as_posix()
        video = Video(id=identity, path=path, labels=(label,))
        before, known = self.seen.setdefault(identity, (split, video))
        if known is video:
            return
        if before != split:
            raise ValueError(f"{name!r} is in split {before!r} already: a leak")
        if known.label != label:
            raise ValueError(f"{name!r} has label {label}, and {known.label} before")
        self.repeated += 1

    def _place(self, name: str) -> Path:
        """Return where a name lies below the root, once links are resolved as well."""
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name:
            raise ValueError(f"{name!r} is not a plain path below the root")
        if _ADDRESS.match(name):
            raise ValueError(f"{name!r} is an address, not a file")
        path = self.root / pure
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{name!r} cannot be followed: {error}") from None
        if not inside:
            raise ValueError(f"{name!r} leads out of the root by a link")
        return path


def _lines(rows: BinaryIO) -> Iterator[bytes]:
    """Yield lines; one that is too long stays in memory only as far as the limit."""
    while row := rows.readline(_LINE_BYTES + 1):
        if len(row) > _LINE_BYTES:
            part = row
            while part and not part.endswith(b"\n"):
                part = rows.readline(_SKIP_BYTES)
        yield row


def _columns(row: bytes) -> tuple[str, str]:
    """Split a row into path and label, or refuse it; blanks may be part of a path."""
    if len(row) > _LINE_BYTES:
        raise ValueError(f"the row is longer than {_LINE_BYTES} bytes")
    try:
        text = row.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        around = row[max(error.start - 10, 0) : error.end + 10]
        raise ValueError(f"not UTF-8 at byte {error.start}: {around!r}") from None
    separator = "\t" if "\t" in text else " "
    name, found, label = text.rstrip(" ").rpartition(separator)
    if separator == " ":
        name = name.rstrip(" ")
    if not found or not name:
        raise ValueError(f"{text!r} is not a path, a blank or tab, and a label")
    if not name.isprintable() or name != name.strip():
        raise ValueError(f"{name!r} has blanks at an end, or characters that do not print")
    if not name.lower().endswith(SUFFIXES):
        what = f"{name!r} does not end as a video does (such as {SUFFIXES[0]})"
        raise ValueError(f"{what}; a row is a path and a label, no more")
    return name, label


def _label(text: str, num_classes: int | None) -> int:
    if not _LABEL.fullmatch(text):
        raise ValueError(f"label {text!r} is not a whole number from 0")
    label = int(text)
    if num_classes is not None and label >= num_classes:
        allowed = f"allowed 0 to {num_classes - 1} ({num_classes} classes)"
        raise ValueError(f"label {label}, {allowed}")
    return label
