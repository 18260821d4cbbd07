"""Format of a list of labelled videos: separator, quotes, header and columns, from its rows.

All rows of a list have one format: a path and a label, or a folder, its number of frames and a
label; separated by commas, semicolons, or blanks and tabs; in double quotes, single ones or none;
with or without names of columns. Or all are paths or ids alone.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.data.datasets.file_names import SUFFIXES, is_video
from harness.data.datasets.lists import foreign, headers, text_rows
from harness.data.datasets.lists.headers import Columns
from harness.data.datasets.lists.rows import (
    QUOTES,
    SEPARATORS,
    Dialect,
    Quote,
    Row,
    Separator,
    is_quoted,
    parse,
    parse_all,
    split,
    unquote,
)

_NUMBERED = re.compile(r"(.+?)((?: +[0-9]+(?:\.0+)?)+)", re.ASCII)
_OTHER_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,3}$")


@dataclass(frozen=True, kw_only=True)
class ListFormat:
    """The form that the rows of a list share.

    Attributes:
        dialect: Separator of the columns, of which a blank also stands for several of them, and
            for a tab; and the quotes that may be around a column.
        header: Whether the first row names the columns.
        columns: Positions of the path and of the label, and the number of columns, where the
            header says so; None for a path, perhaps a number of frames, and a label.
        folders: Whether a path without suffix and without a number of frames may be a video.
        labelled: Whether rows have a label; else each is a path or an id.
    """

    dialect: Dialect
    header: bool = False
    columns: Columns | None = None
    folders: bool = False
    labelled: bool = True

    def parse(self, text: str) -> Row:
        """Parse a row.

        Raises:
            ValueError: If it has other columns or quotes, an empty column, or a path that is no
                video.
        """
        if not self.labelled:
            row = Row(_whole(text, self.dialect.quote), "")
            self._check_quotes(row.name)
            return row
        row = self._columns(text) if self.columns else parse(text, self.dialect)
        self._check_quotes(row.name)
        if not row.name or not row.label or row.name.strip() != row.name or text[0] == " ":
            raise ValueError(
                f"{text!r} has an empty column, or its path starts or ends with a space"
            )
        self._check_numbers(row)
        if not row.counted and not is_video(row.name):
            self._check_folder(row.name)
        return row

    def _columns(self, text: str) -> Row:
        assert self.columns is not None
        path, label, number = self.columns
        cells = split(text, self.dialect)
        if len(cells) != number:
            raise ValueError(f"{text!r} has {len(cells)} columns, but the first row has {number}")
        return Row(cells[path], cells[label].strip())

    def _check_quotes(self, name: str) -> None:
        for quote in QUOTES:
            if is_quoted(name, quote) and is_video(unquote(name, quote)):
                raise ValueError(
                    f"{name} is in other quotes than most rows; use one kind in the whole list"
                )

    def _check_numbers(self, row: Row) -> None:
        match = _NUMBERED.fullmatch(row.name) if self.dialect.separator == " " else None
        if match and is_video(match[1]):
            numbers = len(match[2].split()) + row.counted + 1
            raise ValueError(f"{match[1]!r} is followed by {numbers} columns; expected a label")

    def _check_folder(self, name: str) -> None:
        if not self.folders or _OTHER_FILE.search(name) or name.startswith("# "):
            raise ValueError(
                f"{name!r} has no video suffix, such as {SUFFIXES[0]}; expected a path and a "
                "label, or a folder, frames and a label"
            )


def detect(file: Path, exists: Callable[[str], bool]) -> ListFormat:
    """Return the format of a list: the one in which most of the first rows are videos.

    Args:
        file: The list.
        exists: Tells whether a path of the list is on the disk.

    Raises:
        ValueError: If the list cannot be read, its columns are named but not known, or they are
            separated by what no list may have.
    """
    rows = text_rows.first_rows(file)
    foreign.check(file, rows, exists)
    quote = _quote(rows, exists)
    bare_header = bool(rows) and headers.names_path(rows[0]) and not exists(rows[0].strip())
    if _are_unlabelled(rows[bare_header:], quote, exists):
        return ListFormat(dialect=Dialect(" ", quote), header=bare_header, labelled=False)
    order: Sequence[Separator] = SEPARATORS
    if file.suffix.lower() == ".csv":
        order = (",", ";", " ")
    dialects = [Dialect(separator, quote) for separator in order]
    named = [each for each in dialects if rows and headers.names_columns(rows[0], each)]
    dialect = max(named or dialects, key=lambda each: _score(rows, each, exists))
    header, columns = headers.find(file, rows, dialect, exists)
    body = [row for row in parse_all(rows[header:], dialect) if row is not None]
    bare = [row.name for row in body if not row.counted and not is_video(row.name)]
    return ListFormat(
        dialect=dialect,
        header=header,
        columns=columns,
        folders=dialect.separator != " " or any(exists(name) for name in bare),
    )


def read(
    file: Path,
    form: ListFormat,
    handle: Callable[[Row], object],
    errors: text_rows.RowErrors,
    *,
    max_rows: int = text_rows.MAX_ROWS,
) -> None:
    """Pass every row of a list but its header to `handle`, and collect errors.

    Raises:
        ValueError: If the file cannot be read.
    """
    header, counted = form.header, None

    def add_row(text: str) -> None:
        nonlocal header, counted
        if header:
            header = False
            return
        row = form.parse(text)
        if counted not in (None, row.counted):
            raise ValueError(f"{text!r} has other columns than the rows before it")
        handle(row)
        counted = row.counted

    text_rows.read(file, add_row, errors, max_rows=max_rows)


def _quote(rows: Sequence[str], exists: Callable[[str], bool]) -> Quote:
    """Return the quotes with which most rows make sense; double ones where both do."""
    if not any("'" in text for text in rows):
        return QUOTES[0]

    def score(quote: Quote) -> tuple[int, ...]:
        dialects = [Dialect(separator, quote) for separator in SEPARATORS]
        columns = ((*_score(rows, each, exists), _num_plain(rows, each)) for each in dialects)
        paths = [_whole(text, quote) for text in rows]
        return max(*columns, (sum(map(exists, paths)), sum(map(is_video, paths))))

    return max(QUOTES, key=score)


def _num_plain(rows: Sequence[str], dialect: Dialect) -> int:
    """Count the rows of several columns of which none keeps its quotes."""
    number = 0
    for text in rows:
        with suppress(ValueError):
            cells = split(text, dialect)
            keeps = any(is_quoted(cell, quote) for cell in cells for quote in QUOTES)
            number += len(cells) > 1 and not keeps
    return number


def _are_unlabelled(rows: Sequence[str], quote: Quote, exists: Callable[[str], bool]) -> bool:
    """Return whether no row has a label: each is a path or an id, or most are on the disk."""
    on_disk = sum(exists(_whole(text, quote)) for text in rows)
    return bool(rows) and (2 * on_disk > len(rows) or all(_is_path(text, quote) for text in rows))


def _is_path(text: str, quote: Quote) -> bool:
    """Return whether a row is one column: it has no separator, or ends as one video does."""
    if text.startswith(quote) and not is_quoted(text.strip(), quote):
        return False  # an open quote
    if not is_video(_whole(text, quote)):
        return not re.search(r"[\s,;]", text.strip())
    dialects = (Dialect(separator, quote) for separator in SEPARATORS)
    parsed = (row for (row,) in (parse_all([text], dialect) for dialect in dialects))
    return not any(row and is_video(row.name) for row in parsed)


def _whole(text: str, quote: Quote) -> str:
    """Return a row as the path that it is, without its quotes."""
    return unquote(text.strip(), quote)


def _score(
    rows: Sequence[str], dialect: Dialect, exists: Callable[[str], bool]
) -> tuple[int, int, int, int, int]:
    """Count the rows that a dialect makes sense of: on the disk, videos, numbered, or any.

    The last count is of rows whose first column is a video, even if there are too many columns.
    """
    parsed = [row for row in parse_all(rows, dialect) if row is not None]
    return (
        sum(exists(row.name) for row in parsed),
        sum((is_video(row.name) or row.counted) and not is_video(row.label) for row in parsed),
        sum(text_rows.is_number(row.label) for row in parsed),
        len(parsed),
        sum(_begins(text, dialect) for text in rows),
    )


def _begins(text: str, dialect: Dialect) -> bool:
    """Return whether the first of several columns of a row is a video."""
    with suppress(ValueError):
        cells = split(text, dialect)
        return len(cells) > 1 and is_video(cells[0])
    return False
