"""Names of Kinetics clips: `<YouTube id>_<start>_<end>`, in seconds of six digits, or the id."""

import re
from collections.abc import Mapping

from harness.data.datasets.file_names import is_video
from harness.data.datasets.lists import text_rows

_SPLITS = {"train": ("train",), "test": ("val", "validate", "validation", "test")}
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_CLIP = re.compile(r"([A-Za-z0-9_-]{11})(_[0-9]{6}_[0-9]{6})?")


def clip_id(path: str) -> str:
    """Return the name of the clip at a path; the path itself if it has no name of a clip."""
    name = path.rpartition("/")[2]
    stem = name.rpartition(".")[0] if is_video(name) else name
    return stem if _CLIP.fullmatch(stem) else path


def is_clip(name: str) -> bool:
    """Return whether a name is one of a clip."""
    return bool(_CLIP.fullmatch(name))


def youtube_id(clip: str) -> str:
    """Return the YouTube id in the name of a clip; the name itself if it is not one of a clip."""
    match = _CLIP.fullmatch(clip)
    return match[1] if match else clip


def check_youtube_id(text: str) -> str:
    """Return a YouTube id after checking its form, which spreadsheets may damage.

    Raises:
        ValueError: If it is not a YouTube id.
    """
    if not _YOUTUBE_ID.fullmatch(text):
        raise ValueError(f"{text!r} is not a YouTube id: 11 letters, digits, - or _")
    return text


def clip_name(row: Mapping[str, str]) -> str:
    """Return the name of the clip of an annotation.

    Raises:
        ValueError: If its times are not whole seconds.
    """
    return f"{row['youtube_id']}_{_seconds(row, 'time_start')}_{_seconds(row, 'time_end')}"


def _seconds(row: Mapping[str, str], column: str) -> str:
    text = row[column]
    if not text_rows.is_number(text):
        raise ValueError(f"{column} {text!r} is not an integer number of seconds")
    return f"{text_rows.parse_number(text):06d}"


def check_split(row: Mapping[str, str], split: str) -> None:
    """Refuse an annotation of another split.

    Raises:
        ValueError: If it names one.
    """
    named, allowed = row.get("split", ""), _SPLITS[split]
    if named and named not in allowed:
        raise ValueError(f"{row['youtube_id']} is of split {named!r}; allowed {allowed}")
