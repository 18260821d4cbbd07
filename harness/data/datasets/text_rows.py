"""Rows of a text file that somebody else wrote: right, or refused with their line number."""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

MAX_SHOWN = 20
MAX_ROWS = 2_000_000
_LINE_BYTES = 8192
_SKIP_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(kw_only=True)
class RowErrors:
    """What is wrong with rows: all of it is counted, and the first of it is kept."""

    number: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, where: str, error: ValueError) -> None:
        """Count an error, and put it into words if it will be shown."""
        self.number += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(f"{where}: {error}")

    def check(self, what: str = "rows") -> None:
        """Raise all errors at once.

        Raises:
            ValueError: If there is one.
        """
        if self.number:
            more = self.number - len(self.shown)
            rest = [f"and {more} more"] if more else []
            raise ValueError("\n".join([f"{self.number} wrong {what}:", *self.shown, *rest]))


def read(
    file: Path, take: Callable[[str], object], wrong: RowErrors, *, max_rows: int = MAX_ROWS
) -> None:
    """Give every row of a file to `take`, and collect what it refuses; empty rows are skipped.

    Raises:
        ValueError: If it cannot be read.
    """
    with _open(file) as rows:
        read_stream(rows, file.name, take, wrong, max_rows=max_rows)


def first_row(file: Path) -> str:
    """Return the first row of a file, as far as it is text.

    Raises:
        ValueError: If it cannot be read.
    """
    with _open(file) as rows:
        return rows.readline(_LINE_BYTES).decode("utf-8-sig", "replace").strip()


def _open(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None


def read_stream(
    rows: BinaryIO, name: str, take: Callable[[str], object], wrong: RowErrors, *, max_rows: int
) -> None:
    """Do what `read` does; memory is bounded, however long a row or the whole is."""
    for number, row in enumerate(_lines(rows), start=1):
        if number > max_rows:
            text = f"there are more than {max_rows} rows; the rest is not read"
            wrong.add(f"{name}, line {number}", ValueError(text))
            return
        try:
            whole = row.removeprefix(_BOM) if number == 1 else row
            if whole.strip():
                take(_decode(whole))
        except ValueError as error:
            wrong.add(f"{name}, line {number}", error)


def _lines(rows: BinaryIO) -> Iterator[bytes]:
    """Yield lines; one that is too long stays in memory only as far as the limit."""
    while row := rows.readline(_LINE_BYTES + 1):
        if len(row) > _LINE_BYTES:
            part = row
            while part and not part.endswith(b"\n"):
                part = rows.readline(_SKIP_BYTES)
        yield row


def _decode(row: bytes) -> str:
    if len(row) > _LINE_BYTES:
        raise ValueError(f"the row is longer than {_LINE_BYTES} bytes")
    try:
        return row.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        around = row[max(error.start - 10, 0) : error.end + 10]
        raise ValueError(f"not UTF-8 at byte {error.start}: {around!r}") from None


def split_csv(text: str) -> list[str]:
    """Split a row of a CSV file.

    Raises:
        ValueError: If it is none, such as one whose quotes are not closed.
    """
    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{text!r} is not a row of a CSV file: {error}") from None
    return row


def is_number(text: str) -> bool:
    """Say whether a text is a whole number from 0."""
    return bool(_NUMBER.fullmatch(text))


def parse_label(text: str, num_classes: int | None) -> int:
    """Read a label.

    Raises:
        ValueError: If it is not a whole number from 0, below the number of classes.
    """
    if not is_number(text):
        raise ValueError(f"label {text!r} is not a whole number from 0")
    found = int(text)
    if num_classes is not None and found >= num_classes:
        allowed = f"allowed 0 to {num_classes - 1} ({num_classes} classes)"
        raise ValueError(f"label {found}, {allowed}")
    return found
