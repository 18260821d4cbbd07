"""Videos of a passport as columns: about 100 bytes each instead of 2 kB.

Axes: N videos, B bytes of text, L labels of all videos, M time stamps of all videos.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from harness.data.passport.columns_check import END, TEXTS, check_columns, moment_counts
from harness.data.video import Timing, Video

Columns = Mapping[str, np.ndarray]
Kinds = Sequence[tuple[str, str]]
NO_STAMP = -1
_NO_KIND = -1
_MOMENTS = (np.int8, np.int16, np.int32)


class VideoTable(Sequence[Video]):
    """Videos that are made when they are looked at.

    Args:
        columns: See `pack`.
        folders: Folders of the videos, which `columns` counts.
        kinds: Units and steps of time stamps, which `columns` counts.
        within: Folders that every video must lie in, with links resolved.
        num_classes: Number of names of labels; 0 without names.

    Raises:
        ValueError: If the columns contradict each other, or hold what no passport may.
    """

    def __init__(
        self,
        columns: Columns,
        *,
        folders: Sequence[str],
        kinds: Kinds,
        within: tuple[str, ...],
        num_classes: int = 0,
    ) -> None:
        check_columns(columns, num_folders=len(folders), kinds=kinds, num_classes=num_classes)
        self.columns = columns
        self.folders = folders
        self.within = within
        self._units = [Timing(unit=unit, step=step) for unit, step in kinds]
        self._ends = {name: _compact(np.flatnonzero(columns[name] == END)) for name in TEXTS}
        self._label_ends = _compact(np.cumsum(columns["label_counts"], dtype=np.int64))
        self._moment_ends = _compact(np.cumsum(moment_counts(columns, kinds), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.columns["frames"])

    @overload
    def __getitem__(self, index: int) -> Video: ...

    @overload
    def __getitem__(self, index: slice) -> list[Video]: ...

    def __getitem__(self, index: int | slice) -> Video | list[Video]:
        positions = range(len(self))[index]
        return self._video(positions) if isinstance(positions, int) else [*self._videos(positions)]

    def __iter__(self) -> Iterator[Video]:
        return self._videos(range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(Video.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def with_stamps(self, stamps: np.ndarray) -> "VideoTable":
        """Return the same videos with other stamps; N x 2."""
        table = object.__new__(VideoTable)
        table.__dict__ = vars(self) | {"columns": {**self.columns, "stamps": stamps}}
        return table

    def first_untimed(self) -> Video | None:
        """Return the first video without increasing presentation times."""
        kinds, moments = self.columns["timing_kinds"], self.columns["moments"]
        is_good = np.array([t.is_increasing for t in self._units] + [False])[kinds]
        listed = np.flatnonzero(np.diff(self._moment_ends, prepend=0))
        if len(listed):
            starts = self._moment_ends[listed - 1] * (listed > 0)
            rises = moments > 0
            rises[starts] = True  # a time, and no distance to another one
            is_good[listed] = np.logical_and.reduceat(rises, starts)
        found = np.flatnonzero(~is_good)
        return self[int(found[0])] if len(found) else None

    def identity(self, index: int) -> tuple[str, tuple[int, ...], int, str]:
        """Return the id, labels, frames and hash of a video."""
        sha256 = self.columns["sha256"][index].tobytes()
        return (
            self.text("ids", index),
            self._labels(index),
            int(self.columns["frames"][index]),
            sha256.hex() if any(sha256) else "",
        )

    def text(self, name: str, index: int) -> str:
        """Return a text of a video: of `ids`, or the last part of its path of `names`."""
        ends = self._ends[name]
        start = int(ends[index - 1]) + 1 if index else 0
        return bytes(self.columns[name][start : ends[index]]).decode(errors="surrogateescape")

    def _videos(self, positions: Iterable[int]) -> Iterator[Video]:
        return map(self._video, positions)

    def _video(self, index: int) -> Video:
        identity, labels, frames, sha256 = self.identity(index)
        size, time = self.columns["stamps"][index].tolist()
        folder = self.folders[self.columns["folders"][index]]
        return Video(
            id=identity,
            path=Path(folder, self.text("names", index)),
            labels=labels,
            sha256=sha256,
            frames=frames,
            stamp=None if size == NO_STAMP else (size, time),
            timing=self._timing(index),
            turned=bool(self.columns["turned"][index]),
            within=self.within,
        )

    def _labels(self, index: int) -> tuple[int, ...]:
        end = self._label_ends[index]
        start = end - self.columns["label_counts"][index]
        return tuple(self.columns["labels"][start:end].tolist())

    def _timing(self, index: int) -> Timing | None:
        kind = self.columns["timing_kinds"][index]
        if kind == _NO_KIND:
            return None
        constant: Timing = self._units[kind]
        if constant.step:
            return constant
        start = self._moment_ends[index - 1] if index else 0
        steps = self.columns["moments"][start : self._moment_ends[index]]
        moments = tuple(np.cumsum(steps, dtype=np.int64).tolist())
        return Timing(unit=constant.unit, stamps=moments)


def first_untimed(videos: Iterable[Video]) -> Video | None:
    """Return the first of some videos without increasing presentation times."""
    if isinstance(videos, VideoTable):
        return videos.first_untimed()
    timed = ((video, video.timing) for video in videos)
    return next((video for video, timing in timed if not (timing and timing.is_increasing)), None)


def identities(videos: Sequence[Video]) -> Iterator[tuple[str, tuple[int, ...], int, str]]:
    """Yield the id, labels, frames and hash of videos, sorted by id."""
    if isinstance(videos, VideoTable):
        ids = [videos.text("ids", index) for index in range(len(videos))]
        yield from map(videos.identity, sorted(range(len(ids)), key=ids.__getitem__))
        return
    for video in sorted(videos, key=lambda video: video.id):
        yield video.id, video.labels, video.frames, video.sha256


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
        and `label_counts` (N); `labels` (L); `sha256` (N x 32); `stamps` (N x 2); and `moments`
        (M), the distances of time stamps where their kind has no step.

    Raises:
        ValueError: If the columns cannot hold a video that a passport can.
    """
    parts = [path.rpartition("/") for path in paths]
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
        "moments": _smallest(np.concatenate([np.empty(0, np.int64), *moments])),
    }


def _compact(ends: np.ndarray) -> np.ndarray:
    """Return increasing numbers in 32 bits, if they fit."""
    return ends.astype(np.int32) if not len(ends) or ends[-1] <= np.iinfo(np.int32).max else ends


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
    stamps = [video.stamp or (NO_STAMP, 0) for video in videos]
    if any(video.stamp and video.stamp[0] < 0 for video in videos):
        raise ValueError("a file has less than no bytes")
    return np.array(stamps, dtype=np.int64).reshape(len(stamps), 2)


def _packed_timing(video: Video, kinds: dict[Any, int]) -> tuple[int, Sequence[int]]:
    timing = video.timing
    if timing is None:
        return _NO_KIND, ()
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
