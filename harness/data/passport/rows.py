"""Rows of a passport: a video as JSON, and back with the folders that it must lie in."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from harness.data import gate
from harness.data.video import RefusedVideoError, Timing, Video
from harness.utils import escape

_DEFAULTS = {item.name: item.default for item in fields(Video) if item.compare}


class Places:
    """Folders of a data set: as the passport names them, and with links resolved."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.named = tuple(map(str, folders))
        self.real = gate.real_folders(*folders)

    def check(self, path: Path, identity: str) -> None:
        """Refuse the path of a video that is below none of them; links are resolved later."""
        if not any(gate.is_below(str(path), folder) for folder in self.named):
            raise ValueError(
                f"video {escape.name(identity)!r} lies at {escape.name(str(path))}, outside "
                f"{escape.name(' and '.join(self.named))}; check the data set again, with --root "
                "or --also for other folders"
            )


def video_to_row(video: Video, folder: Path) -> dict[str, Any]:
    """Return the fields of a video that differ from their defaults."""
    values = {name: getattr(video, name) for name in _DEFAULTS}
    row = {name: value for name, value in values.items() if value != _DEFAULTS[name]}
    if video.timing is not None:
        row["timing"] = asdict(video.timing)
    return row | {"path": relative_path(video.path, folder)}


def video_from_row(row: Mapping[str, Any], folder: Path, places: Places) -> Video:
    """Return a video.

    Args:
        row: As the schema of a passport allows it.
        folder: Of the passport.
        places: Folders that the video must lie in.

    Raises:
        ValueError: If it lies elsewhere, or if its name or its times are impossible.
    """
    if not row["id"].isprintable():
        raise ValueError(f"video {escape.name(row['id'])!r} has unprintable characters in its name")
    try:
        os.fsencode(row["path"])
    except UnicodeEncodeError:
        raise ValueError(
            f"video {escape.name(row['id'])!r} has a path that no file can have: "
            f"{escape.name(row['path'])}"
        ) from None
    values = dict(row) | {
        "path": absolute_path(row["path"], folder),
        "labels": tuple(row["labels"]),
        "within": places.real,
    }
    places.check(values["path"], row["id"])
    if "stamp" in row:
        values["stamp"] = (row["stamp"][0], row["stamp"][1])
    if "span" in row:
        values["span"] = (row["span"][0], row["span"][1])
    if "timing" in row:
        values["timing"] = Timing(**row["timing"] | {"stamps": tuple(row["timing"]["stamps"])})
        _check_timing(values["timing"], row)
    return Video(**values)


def _check_timing(timing: Timing, row: Mapping[str, Any]) -> None:
    """Refuse times that are not those of the frames: a timeline of them could fill the memory."""
    frames = row.get("frames", 1)
    if not timing.step and len(timing.stamps) != frames:
        counts = f"{len(timing.stamps)} time stamps for {frames} frames"
        raise ValueError(f"video {escape.name(row['id'])!r} has {counts}")
    if timing.step:
        span = abs(Fraction(timing.step)) * (frames - 1)
    else:
        span = Fraction(max(timing.stamps) - min(timing.stamps))
    try:
        gate.check_duration(span * Fraction(timing.unit))
    except RefusedVideoError as error:
        raise ValueError(f"video {escape.name(row['id'])!r}: {error}") from None


def relative_path(path: Path, folder: Path) -> str:
    """Return a path as a passport in that folder names it."""
    return Path(os.path.relpath(path, folder)).as_posix()


def absolute_path(path: str, folder: Path) -> Path:
    """Return the path that a passport in that folder names."""
    return Path(os.path.normpath(folder / path))
