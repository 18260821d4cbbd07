"""Rows of lists of labelled videos: their columns, at a separator.

A row is a path and a label, or a folder, its number of frames and a label.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from harness.data.datasets.file_tree import is_video
from harness.data.datasets.lists import text_rows

Separator = Literal[" ", ",", ";"]
SEPARATORS: tuple[Separator, ...] = (" ", ",", ";")
_NAMES: dict[Separator, str] = {" ": "a space or tab,", ",": "a comma", ";": "a semicolon"}


class Row(NamedTuple):
    """A row as written: a path and a label; whether a number of frames is between them."""

    name: str
    label: str
    counted: bool = False


def parse_all(rows: Sequence[str], separator: Separator) -> list[Row | None]:
    """Parse rows; None for those that are none."""
    return [_try_parse(text, separator) for text in rows]


def _try_parse(text: str, separator: Separator) -> Row | None:
    try:
        row = parse(text, separator)
    except ValueError:
        return None
    return row if row.name and row.label else None


def parse(text: str, separator: Separator) -> Row:
    """Parse a row.

    Raises:
        ValueError: If it has other columns.
    """
    cells = split(text, separator)
    match cells:
        case [name, label]:
            return Row(name, label.strip())
        case [name, count, label] if text_rows.is_number(count.strip()) and not is_video(name):
            return Row(name, label.strip(), counted=True)
    expected = f"a path, {_NAMES[separator]} and a label"
    if separator == " " and len(cells) < 2:
        raise ValueError(f"{text!r} is not {expected}")
    raise ValueError(f"{text!r} has {len(cells)} columns; expected {expected}")


def split(text: str, separator: Separator) -> list[str]:
    """Split a row; at blanks, of which a path may have some, only its last columns."""
    if separator != " ":
        return text_rows.split_csv(text, separator)
    if "\t" in text:
        return text_rows.split_csv(text, "\t")
    name, blank, label = _last(text.rstrip(" "))
    if not blank:
        return [label]
    folder, blank, count = _last(name)
    videos = [is_video(unquote(path)) for path in (name, folder)]
    if blank and text_rows.is_number(count) and not any(videos):
        return [unquote(folder), count, label]
    return [unquote(name), label]


def _last(text: str) -> tuple[str, str, str]:
    """Return what is before the last blank, the blank, and what is after it."""
    name, blank, last = text.rpartition(" ")
    return name.rstrip(" "), blank, last


def unquote(name: str) -> str:
    """Return a path without the quotes that a writer of CSV puts around blanks."""
    quoted = len(name) > 2 and name[0] == name[-1] == '"'
    return name[1:-1].replace('""', '"') if quoted else name
