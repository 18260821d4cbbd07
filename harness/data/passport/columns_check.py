"""Checks of the columns of videos, which somebody else may have written: as strict as of rows."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from harness.data.gate import LIMITS

END = 0  # of a text
NO_STAMP = -1  # as a number of bytes
NO_SPAN = -1  # as a first byte
NO_KIND = -1  # of time stamps
TEXTS = ("ids", "names")
_LABELS = 100_000
_TEXT_BYTES = 4_096
_HASH_BYTES = 32
_BLOCK = 10_000  # videos whose times are added up together
_SHAPES: Mapping[str, tuple[int, ...]] = {
    "folders": (),
    "frames": (),
    "turned": (),
    "timing_kinds": (),
    "label_counts": (),
    "sha256": (_HASH_BYTES,),
    "stamps": (2,),
    "spans": (2,),
}
_TYPES: Mapping[str, tuple[str, ...]] = {
    "ids": ("u1",),
    "names": ("u1",),
    "folders": ("i4",),
    "frames": ("i4",),
    "turned": ("u1",),
    "timing_kinds": ("i4",),
    "label_counts": ("i4",),
    "labels": ("i4",),
    "sha256": ("u1",),
    "stamps": ("i8",),
    "spans": ("i8",),
    "moments": ("i1", "i2", "i4"),
}


def check_columns(
    columns: Mapping[str, np.ndarray],
    *,
    num_folders: int,
    kinds: Sequence[tuple[str, str]],
    num_classes: int,
) -> None:
    """Refuse columns that hold what a passport may not; see `harness.data.passport.packing.pack`.

    Args:
        columns: The columns.
        num_folders: Number of folders.
        kinds: Units and steps of time stamps.
        num_classes: Number of names of labels; 0 without names.

    Raises:
        ValueError: With the name of the first bad column.
    """
    _check_shapes(columns)
    for name in TEXTS:
        _check_text(name, columns[name], len(columns["frames"]))
    counts = (
        moment_counts(columns, kinds) if _within(columns, "timing_kinds", -1, len(kinds)) else 0
    )
    is_good = {
        "folders": _within(columns, "folders", 0, num_folders),
        "frames": _within(columns, "frames", 0, LIMITS.max_frames + 1),
        "turned": _within(columns, "turned", 0, 2),
        "timing_kinds": _within(columns, "timing_kinds", -1, len(kinds)),
        "label_counts": _within(columns, "label_counts", 1, _LABELS + 1)
        and columns["label_counts"].sum(dtype=np.int64) == len(columns["labels"]),
        "labels": _within(columns, "labels", 0, num_classes or _LABELS),
        "moments": np.sum(counts, dtype=np.int64) == len(columns["moments"]),
        "spans": not len(columns["spans"]) or columns["spans"].min() >= NO_SPAN,
    }
    for name, is_so in is_good.items():
        if not is_so:
            raise ValueError(f"the column {name} holds impossible numbers")
    _check_times(columns, kinds)


def moment_counts(
    columns: Mapping[str, np.ndarray], kinds: Sequence[tuple[str, str]]
) -> np.ndarray:
    """Return the number of listed time stamps of every video; the kind -1 is no kind."""
    is_listed = np.array([not step for _, step in kinds] + [False])[columns["timing_kinds"]]
    return np.where(is_listed, np.maximum(columns["frames"], 1), 0)


def _check_shapes(columns: Mapping[str, np.ndarray]) -> None:
    if set(columns) != set(_TYPES):
        raise ValueError(f"the columns are not {', '.join(_TYPES)}")
    for name, column in columns.items():
        if column.dtype.str[1:] not in _TYPES[name]:
            raise ValueError(f"the column {name} is of type {column.dtype}")
        shape = (len(columns["frames"]), *_SHAPES[name]) if name in _SHAPES else (column.size,)
        if column.shape != shape:
            raise ValueError(f"the column {name} is of shape {column.shape}, not {shape}")


def _within(columns: Mapping[str, np.ndarray], name: str, low: int, stop: int) -> bool:
    column = columns[name]
    return not len(column) or bool(column.min() >= low and column.max() < stop)


def _check_text(name: str, column: np.ndarray, count: int) -> None:
    """Refuse texts of another number, unprintable ids, and names that lead to other folders."""
    sizes = np.diff(np.flatnonzero(column == END), prepend=-1) - 1
    content = column.tobytes()
    if len(sizes) != count or not content.endswith(b"\0" if count else b""):
        raise ValueError(f"the column {name} does not hold {count} texts")
    if count and not (sizes.min() > 0 and sizes.max() <= 4 * _TEXT_BYTES):
        raise ValueError(f"the column {name} holds a text that is too short or too long")
    if name == "ids":
        if not content.replace(b"\0", b"").decode().isprintable():
            raise ValueError("a video has unprintable characters in its name")
    elif b"/" in content or b"\0.\0" in b"\0" + content or b"\0..\0" in b"\0" + content:
        raise ValueError("a video lies in another folder than it says")


def _check_times(columns: Mapping[str, np.ndarray], kinds: Sequence[tuple[str, str]]) -> None:
    """Refuse times that are not those of frames: a timeline of them could fill the memory."""
    spans = _listed_spans(columns, kinds)
    for kind, (unit, step) in enumerate(kinds):
        chosen = columns["timing_kinds"] == kind
        longest = columns["frames"][chosen] - 1 if step else spans[chosen]
        span = abs(Fraction(step or 1)) * int(longest.max(initial=0)) * Fraction(unit)
        if span > LIMITS.max_seconds:
            raise ValueError(f"time stamps span more than {LIMITS.max_seconds:.0f} s")


def _listed_spans(
    columns: Mapping[str, np.ndarray], kinds: Sequence[tuple[str, str]]
) -> np.ndarray:
    """Return the greatest minus the least time stamp of every video, 0 without any; N."""
    counts = moment_counts(columns, kinds)
    spans = np.zeros(len(counts), dtype=np.int64)
    listed = np.flatnonzero(counts)
    ends = np.cumsum(counts[listed], dtype=np.int64)
    for start in range(0, len(listed), _BLOCK):
        block = slice(start, start + _BLOCK)
        first = ends[start - 1] if start else 0
        # Of 32 bits at most, so that sums of 64 bits hold them.
        moments = np.cumsum(columns["moments"][first : ends[block][-1]], dtype=np.int64)
        places = np.concatenate([[0], ends[block][:-1] - first])
        highest, lowest = (f.reduceat(moments, places) for f in (np.maximum, np.minimum))
        spans[listed[block]] = highest - lowest
    return spans
