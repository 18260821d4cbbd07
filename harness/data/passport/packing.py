"""Columns of the videos of a passport, from the videos.

Axes: N videos, B bytes of text, L labels of all videos, M time stamps of all videos.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from harness.data.passport.columns import stamps_of
from harness.data.passport.columns_check import NO_KIND, NO_SPAN
from harness.data.video import Video

_MOMENTS = (np.int8, np.int16, np.int32)


def pack(
    videos: Sequence[Video], paths: Iterable[str], folders: dict[str, int], kinds: dict[Any, int]
) -> dict[str, np.ndarray]:
    """Return the columns of videos.

    Args:
        videos: The N videos.
        paths: Of each, as the passport names it.
        folders: Numbers of the folders of the paths; those that are missing are added.
        kinds: Numbers of pairs of unit and step; likewise.

    Returns:
        `ids` and `names`, zero-terminated UTF-8 (B); `folders`, `frames`, `turned`, `timing_kinds`
        and `label_counts` (N); `labels` (L); `sha256` (N x 32); `stamps` and `spans` (N x 2); and
        `moments` (M), the distances of time stamps where their kind has no step.

    Raises:
        ValueError: If the columns cannot hold a video that a passport can.
    """
    parts = [path.rpartition("/") for path in paths]
    if any(name in ("", ".", "..") for *_, name in parts):
        raise ValueError("a video is a folder that holds others")
    timings = [_packed_timing(video, kinds) for video in videos]
    moments = [np.diff(np.array(steps, np.int64), prepend=0) for _, steps in timings if steps]
    return {
        "ids": _packed_text(video.id for video in videos),
        "names": _packed_text(name for *_, name in parts),
        "folders": _whole(folders.setdefault(head or ".", len(folders)) for head, *_ in parts),
        "frames": _whole(video.frames for video in videos),
        "turned": np.array([video.turned for video in videos], dtype=np.uint8),
        "timing_kinds": _whole(kind for kind, _ in timings),
        "label_counts": _whole(len(video.labels) for video in videos),
        "labels": _whole(label for video in videos for label in video.labels),
        "sha256": _packed_hashes([video.sha256 for video in videos]),
        "stamps": _packed_stamps(videos),
        "spans": _packed_spans(videos),
        "moments": _smallest(np.concatenate([np.empty(0, np.int64), *moments])),
    }


def _whole(values: Iterable[int]) -> np.ndarray:
    return np.array([*values], dtype=np.int32)


def _packed_text(texts: Iterable[str]) -> np.ndarray:
    content = b"".join(text.encode(errors="surrogateescape") + b"\0" for text in texts)
    return np.frombuffer(content, dtype=np.uint8)


def _packed_hashes(hashes: Sequence[str]) -> np.ndarray:
    zeros = "0" * 64
    if zeros in hashes or any(len(text) not in (0, 64) for text in hashes):
        raise ValueError("a hash is not a SHA-256")
    content = bytes.fromhex("".join(text or zeros for text in hashes))
    return np.frombuffer(content, dtype=np.uint8).reshape(len(hashes), 32)


def _packed_stamps(videos: Sequence[Video]) -> np.ndarray:
    if any(video.stamp and video.stamp[0] < 0 for video in videos):
        raise ValueError("a file has less than no bytes")
    return stamps_of(videos)


def _packed_spans(videos: Sequence[Video]) -> np.ndarray:
    spans = [video.span or (NO_SPAN, 0) for video in videos]
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def _packed_timing(video: Video, kinds: dict[Any, int]) -> tuple[int, Sequence[int]]:
    timing = video.timing
    if timing is None:
        return NO_KIND, ()
    if timing.step and timing.stamps:
        raise ValueError("a video has both a step and time stamps")
    kind = kinds.setdefault((timing.unit, timing.step), len(kinds))
    return kind, timing.stamps


def _smallest(values: np.ndarray) -> np.ndarray:
    """Return whole numbers in the smallest type that holds them, of 32 bits at most."""
    low, high = (values.min(), values.max()) if len(values) else (0, 0)
    for kind in _MOMENTS:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    raise ValueError("time stamps lie too far apart")
