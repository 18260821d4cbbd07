"""Lists in forms that are not read: other separators, and other marks around paths."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.data.datasets.file_names import is_video
from harness.data.datasets.lists.rows import QUOTES, SEPARATORS, Dialect, parse_all

_SEPARATORS = ("|", "->", "=>", ":", "=")
_MARKS = re.compile(r"""(["'“”„‘’‚«»‹›`<(\[{]+)([^"'“”„‘’‚«»‹›`>)\]}]+)(["'“”„‘’‚«»‹›`>)\]}]+)""")


def check(file: Path, rows: Sequence[str], exists: Callable[[str], bool]) -> None:
    """Refuse a list of which most rows are in such a form.

    Args:
        file: The list.
        rows: Its first rows.
        exists: Tells whether a path of the list is on the disk.

    Raises:
        ValueError: If it is one; the sentence names the separator or the marks.
    """
    _check_marks(file, rows, exists)
    _check_separators(file, rows, exists)


def _check_marks(file: Path, rows: Sequence[str], exists: Callable[[str], bool]) -> None:
    found = [
        (match[1], match[3])
        for text in rows
        if (match := _MARKS.match(text.strip())) and match[1] not in QUOTES
        if (is_video(match[2]) or exists(match[2])) and not _names_video(text, exists)
    ]
    if 2 * len(found) > len(rows):
        before, after = found[0]
        raise ValueError(
            f"{file.name}: paths are between {before} and {after}; write them plain, or in double "
            "or single quotes"
        )


def _check_separators(file: Path, rows: Sequence[str], exists: Callable[[str], bool]) -> None:
    for separator in _SEPARATORS:
        cells = [text.partition(separator) for text in rows if separator in text]
        paths = [path.strip("\"' ") for path, _, label in cells if not _holds_video(label)]
        found = [path for path in paths if is_video(path) or exists(path)]
        if 2 * len(found) > len(rows):
            raise ValueError(
                f"{file.name}: {separator!r} separates its columns; write a comma, a semicolon, "
                "blanks or a tab instead"
            )


def _names_video(text: str, exists: Callable[[str], bool]) -> bool:
    """Return whether a row names a video on the disk, in any dialect."""
    dialects = [Dialect(separator, quote) for separator in SEPARATORS for quote in QUOTES]
    parsed = [row for dialect in dialects for row in parse_all([text], dialect)]
    return any(row is not None and exists(row.name) for row in parsed)


def _holds_video(text: str) -> bool:
    return any(map(is_video, re.split(r"[\s,;]", text)))
