"""Rows of lists of labelled videos: their columns, at a separator, and their quotes.

A row is a path and a label, or a folder, its number of frames and a label.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from harness.data.datasets.file_names import is_video
from harness.data.datasets.lists import text_rows

Separator = Literal[" ", ",", ";"]
Quote = Literal['"', "'"]
SEPARATORS: tuple[Separator, ...] = (" ", ",", ";")
QUOTES: tuple[Quote, ...] = ('"', "'")
_NAMES: dict[Separator, str] = {" ": "a space or tab,", ",": "a comma", ";": "a semicolon"}


class Dialect(NamedTuple):
    """The separator of the columns of a list, and the quotes around them."""

    separator: Separator
    quote: Quote


class Row(NamedTuple):
    """A row as written: a path and a label; whether a number of frames is between them."""

    name: str
    label: str
    counted: bool = False


def parse_all(rows: Sequence[str], dialect: Dialect) -> list[Row | None]:
    """Parse rows; None for those that are none."""
    return [_try_parse(text, dialect) for text in rows]


def _try_parse(text: str, dialect: Dialect) -> Row | None:
    try:
        row = parse(text, dialect)
    except ValueError:
        return None
    return row if row.name and row.label else None


def parse(text: str, dialect: Dialect) -> Row:
    """Parse a row.

    Raises:
        ValueError: If it has other columns.
    """
    cells = split(text, dialect)
    match cells:
        case [name, label]:
            return Row(name, label.strip())
        case [name, count, label] if text_rows.is_number(count.strip()) and not is_video(name):
            return Row(name, label.strip(), counted=True)
    expected = f"a path, {_NAMES[dialect.separator]} and a label"
    if dialect.separator == " " and len(cells) < 2:
        raise ValueError(f"{text!r} is not {expected}")
    raise ValueError(f"{text!r} has {len(cells)} columns; expected {expected}")


def split(text: str, dialect: Dialect) -> list[str]:
    """Split a row; at blanks, of which a path may have some, only its last columns.

    Raises:
        ValueError: If its quotes are not closed, or one inside them is not written twice.
    """
    separator, quote = dialect
    trimmed = text.rstrip(" ")
    text = trimmed if trimmed.endswith(quote) else text
    if separator != " ":
        return text_rows.split_csv(text, separator, quote)
    if "\t" in text:
        return text_rows.split_csv(text, "\t", quote)
    if match := _quoted_row(quote).fullmatch(trimmed):
        return [unquote(cell, quote) for cell in match.groups() if cell is not None]
    name, blank, label = _last(trimmed)
    if ended := re.fullmatch(rf"(.*[^ ]) +({_cell(quote)})", trimmed):
        name, label = ended[1], unquote(ended[2], quote)
    if not blank:
        return [label]
    folder, blank, count = _last(name)
    if is_quoted(name, quote):
        raise ValueError(f"{text!r}: write a {quote} inside quotes twice")
    if blank and text_rows.is_number(count) and not any(map(is_video, (name, folder))):
        return [folder, count, label]
    return [name, label]


def _quoted_row(quote: Quote) -> re.Pattern[str]:
    """Return the form of a row with blanks between a quoted path and its other columns."""
    cell = _cell(quote)
    return re.compile(rf"({cell}) +(?:([0-9.]+) +)?({cell}|[^ {quote}][^ ]*)")


def _cell(quote: Quote) -> str:
    return f"{quote}(?:[^{quote}]|{quote}{quote})+{quote}"


def _last(text: str) -> tuple[str, str, str]:
    """Return what is before the last blank, the blank, and what is after it."""
    name, blank, last = text.rpartition(" ")
    return name.rstrip(" "), blank, last


def unquote(name: str, quote: Quote) -> str:
    """Return a path without the quotes that a writer of CSV puts around blanks."""
    return name[1:-1].replace(2 * quote, quote) if is_quoted(name, quote) else name


def is_quoted(name: str, quote: Quote) -> bool:
    """Return whether a name begins and ends with a quote."""
    return len(name) > 2 and name[0] == name[-1] == quote
