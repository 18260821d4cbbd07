"""Names of columns in the first row of a list, and a first row that only looks like them."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.data.datasets.file_names import is_video
from harness.data.datasets.lists import text_rows
from harness.data.datasets.lists.rows import Dialect, Row, parse_all, split

_PATH = re.compile(
    r"(rel(ative)?_)?"
    r"((video|file|clip|frame|folder|dir|image)s?(_?(path|name|file|dir|folder))?|path|name)s?"
)
_ID = re.compile(r"((video|clip|youtube|yt|file)_?)?ids?|vid")
_LABEL = re.compile(
    r"((gt|true)_)?(class|label|action|activity|category|target|y)(es|s)?"
    r"(_?(id|idx|index|name|label|num))?s?"
)
_FRAMES = re.compile(r"((num|n|number_of|total)_?)?(frames?|frame_?counts?|count)")
_INDEX = re.compile(r"|index|idx|unnamed:_\d+|#|no|row")
_COLUMNS = {"path": _PATH, "id": _ID, "label": _LABEL, "frames": _FRAMES, "index": _INDEX}
_MOST = 0.5
Columns = tuple[int, int, int]


def find(
    file: Path, rows: Sequence[str], dialect: Dialect, exists: Callable[[str], bool]
) -> tuple[bool, Columns | None]:
    """Return whether the first row names columns, and the columns that it names.

    Raises:
        ValueError: If it looks like names of columns that are not known.
    """
    if not rows:
        return False, None
    if names_columns(rows[0], dialect):
        return True, _named_columns(file, rows, dialect)
    first, *others = parse_all(rows, dialect)
    if first and _is_odd(first, [row for row in others if row is not None], exists):
        raise ValueError(
            f"{file.name}, line 1: {text_rows.shorten(repr(rows[0]))} looks like names of columns; "
            "known are `path,label` and words like these"
        )
    return False, None


def names_columns(text: str, dialect: Dialect) -> bool:
    """Return whether a row names a path and a label, by words that are known."""
    kinds = {_kind(cell) for cell in _cells(text, dialect)}
    return "label" in kinds and bool(kinds & {"path", "id"})


def names_path(text: str) -> bool:
    """Return whether a row is the name of a column of paths or ids, and nothing else."""
    return _kind(text) in ("path", "id")


def _cells(text: str, dialect: Dialect) -> list[str]:
    if dialect.separator == " " and "\t" not in text:
        return text.split()
    try:
        return split(text, dialect)
    except ValueError:
        return [text]


def _kind(cell: str) -> str:
    """Return what a name of a column stands for; empty if it is not known."""
    word = re.sub(r"[\s-]+", "_", cell.strip().strip("'\"").lower())
    return next((kind for kind, pattern in _COLUMNS.items() if pattern.fullmatch(word)), "")


def _named_columns(file: Path, rows: Sequence[str], dialect: Dialect) -> Columns | None:
    """Return the positions of path and label and the number of columns; None if they are usual.

    Usual are a path and a label, and a folder, its number of frames and a label.

    Raises:
        ValueError: If a column is not known, or two could be the path or the label.
    """
    cells = _cells(rows[0], dialect)
    kinds = [_kind(cell) for cell in cells]
    name = f"{file.name}, line 1"
    if "" in kinds:
        unknown = text_rows.shorten(repr(cells[kinds.index("")]))
        raise ValueError(f"{name}: column {unknown} is not known; keep a path and a label alone")
    for kind in ("path", "label"):
        if kinds.count(kind) > 1:
            both = " and ".join(repr(c) for c, k in zip(cells, kinds, strict=True) if k == kind)
            both = text_rows.shorten(both)
            raise ValueError(f"{name}: columns {both} both look like the {kind}; keep one of them")
    path = kinds.index("path" if "path" in kinds else "id")
    label = kinds.index("label")
    of_videos = any(is_video(cell) for row in rows[1:] for cell in _cells(row, dialect)[:1])
    between = [] if of_videos else ["frames"]
    if (path, label) == (0, len(kinds) - 1) and kinds[1:-1] in ([], between):
        return None
    if dialect.separator == " " and "\t" not in rows[0]:
        raise ValueError(f"{name}: columns separated by blanks are a path, perhaps frames, a label")
    return path, label, len(kinds)


def _is_odd(first: Row, others: Sequence[Row], exists: Callable[[str], bool]) -> bool:
    """Return whether the first row is unlike the others, which are videos, in every respect."""
    if not others or "/" in first.name or is_video(first.name) or exists(first.name):
        return False
    if text_rows.is_number(first.label) or first.label in {row.label for row in others}:
        return False
    numbered = all(text_rows.is_number(row.label) for row in others)
    on_disk = sum(exists(row.name) for row in others) > _MOST * len(others)
    return numbered or on_disk or all(is_video(row.name) for row in others)
