"""Rows of text files from other people: valid, or refused with their line number."""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

MAX_SHOWN = 20
MAX_ROWS = 2_000_000
_LINE_BYTES = 8192
_SKIP_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# Programs write whole numbers as 10.0 as soon as a column has a gap.
_NUMBER = re.compile(r"([0-9]{1,9})(\.0{1,6})?", re.ASCII)
_FIRST_ROWS = 1000
_END_LETTERS = 200  # of a long sentence


def shorten(sentence: str) -> str:
    """Leave out the middle of a sentence that quotes a very long row."""
    if len(sentence) <= 2 * _END_LETTERS:
        return sentence
    return f"{sentence[:_END_LETTERS]} ... {sentence[-_END_LETTERS:]}"


@dataclass(kw_only=True)
class RowErrors:
    """Errors in rows: all are counted, and the first are kept."""

    count: int = 0
    messages: list[str] = field(default_factory=list)

    def add(self, where: str, error: ValueError) -> None:
        """Count an error, and keep its message if it will be shown."""
        self.count += 1
        if len(self.messages) < MAX_SHOWN:
            self.messages.append(f"{shorten(where)}: {shorten(str(error))}")

    def check(self, what: str = "rows") -> None:
        """Raise all errors at once.

        Raises:
            ValueError: If any were added.
        """
        if self.count:
            more = self.count - len(self.messages)
            rest = [f"and {more} more"] if more else []
            raise ValueError("\n".join([f"{self.count} invalid {what}:", *self.messages, *rest]))


def read(
    file: Path, handle: Callable[[str], object], errors: RowErrors, *, max_rows: int = MAX_ROWS
) -> None:
    """Pass every row of a file to `handle`, and collect its errors; empty rows are skipped.

    Raises:
        ValueError: If the file cannot be read.
    """
    with _open(file) as rows:
        read_stream(rows, file.name, handle, errors, max_rows=max_rows)


def first_rows(file: Path, number: int = _FIRST_ROWS) -> list[str]:
    """Return the first rows of a file that can be decoded and are not empty.

    Raises:
        ValueError: If the file cannot be read.
    """
    rows: list[str] = []
    read(file, rows.append, RowErrors(), max_rows=number)
    return rows


def first_row(file: Path) -> str:
    """Return the first row of a file, with undecodable bytes replaced.

    Raises:
        ValueError: If the file cannot be read.
    """
    with _open(file) as rows:
        return rows.readline(_LINE_BYTES).decode("utf-8-sig", "replace").strip()


def _open(file: Path) -> BufferedReader:
    try:
        rows = file.open("rb")
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    if rows.peek(2)[:2] in _UTF_16:
        rows.close()
        raise ValueError(f"{file} is in UTF-16, as some spreadsheets save it; save it as UTF-8")
    return rows


def read_stream(
    rows: BinaryIO, name: str, handle: Callable[[str], object], errors: RowErrors, *, max_rows: int
) -> None:
    """Read rows as `read` does; memory is bounded for any length of a row and of the file."""
    for number, row in enumerate(_lines(rows), start=1):
        if number > max_rows:
            text = f"file has more than {max_rows} rows; the rest is not read"
            errors.add(f"{name}, line {number}", ValueError(text))
            return
        try:
            whole = row.removeprefix(_BOM) if number == 1 else row
            if whole.strip():
                handle(_decode(whole))
        except ValueError as error:
            errors.add(f"{name}, line {number}", error)


def _lines(rows: BinaryIO) -> Iterator[bytes]:
    """Yield lines, each cut at the limit of its length."""
    while row := rows.readline(_LINE_BYTES + 1):
        if len(row) > _LINE_BYTES:
            part = row
            while part and not part.endswith(b"\n"):
                part = rows.readline(_SKIP_BYTES)
        yield row


def _decode(row: bytes) -> str:
    if len(row) > _LINE_BYTES:
        raise ValueError(f"row is longer than {_LINE_BYTES} bytes")
    try:
        text = row.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        context = row[max(error.start - 10, 0) : error.end + 10]
        raise ValueError(f"row is not UTF-8 at byte {error.start}: {context!r}") from None
    if "\r" in text:
        raise ValueError("row has carriage returns inside; save the file with line ends of Unix")
    return text


def split_csv(text: str, separator: str = ",", quote: str = '"') -> list[str]:
    """Split a row of a CSV file.

    Raises:
        ValueError: If it is not one, for example if its quotes are not closed.
    """
    try:
        (row,) = csv.reader(
            [text], delimiter=separator, quotechar=quote, skipinitialspace=True, strict=True
        )
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{text!r} is not a row of a CSV file: {error}") from None
    return row


def is_number(text: str) -> bool:
    """Return whether a text is an integer from 0; `10.0` is one."""
    return bool(_NUMBER.fullmatch(text))


def parse_number(text: str) -> int:
    """Parse an integer from 0.

    Raises:
        ValueError: If it is not one.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an integer from 0")
    return int(match[1])


def parse_label(text: str, num_classes: int | None) -> int:
    """Parse a label.

    Raises:
        ValueError: If it is not an integer from 0, below the number of classes.
    """
    if not is_number(text):
        raise ValueError(f"label {text!r} is not an integer from 0")
    number = parse_number(text)
    if num_classes is not None and number >= num_classes:
        allowed = f"allowed 0 to {num_classes - 1} ({num_classes} classes)"
        hint = "; do labels begin at 1?" if number == num_classes else ""
        raise ValueError(f"label {number}, {allowed}{hint}")
    return number
