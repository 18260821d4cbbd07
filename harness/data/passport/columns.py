"""Videos of a passport as columns: about 100 bytes each instead of 2 kB.

Axes: N videos, B bytes of text, L labels of all videos, M time stamps of all videos.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np

from harness.data.passport.columns_check import (
    END,
    NO_KIND,
    NO_SPAN,
    NO_STAMP,
    TEXTS,
    check_columns,
    moment_counts,
)
from harness.data.video import Timing, Video

Columns = Mapping[str, np.ndarray]
Kinds = Sequence[tuple[str, str]]


class VideoTable(Sequence[Video]):
    """Videos that are made when they are looked at.

    Args:
        columns: See `harness.data.passport.packing.pack`.
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
        folders: Sequence[Path],
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
        start, length = self.columns["spans"][index].tolist()
        folder = self.folders[self.columns["folders"][index]]
        return Video(
            id=identity,
            path=folder / self.text("names", index),
            labels=labels,
            sha256=sha256,
            frames=frames,
            stamp=None if size == NO_STAMP else (size, time),
            timing=self._timing(index),
            turned=bool(self.columns["turned"][index]),
            span=None if start == NO_SPAN else (start, length),
            within=self.within,
        )

    def _labels(self, index: int) -> tuple[int, ...]:
        end = self._label_ends[index]
        start = end - self.columns["label_counts"][index]
        return tuple(self.columns["labels"][start:end].tolist())

    def _timing(self, index: int) -> Timing | None:
        kind = self.columns["timing_kinds"][index]
        if kind == NO_KIND:
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


def first_uncounted(videos: Iterable[Video]) -> Video | None:
    """Return the first of some videos whose number of frames is unknown."""
    if isinstance(videos, VideoTable):
        found = np.flatnonzero(videos.columns["frames"] == 0)
        return videos[int(found[0])] if len(found) else None
    return next((video for video in videos if not video.frames), None)


def stamps_of(videos: Sequence[Video]) -> np.ndarray:
    """Return the stamps of videos; N x 2, of which those of a video without one are `NO_STAMP`."""
    if isinstance(videos, VideoTable):
        return videos.columns["stamps"]
    stamps = [video.stamp or (NO_STAMP, 0) for video in videos]
    return np.array(stamps, dtype=np.int64).reshape(-1, 2)


def with_stamps(videos: Sequence[Video], stamps: np.ndarray) -> Sequence[Video]:
    """Return the same videos with other stamps, as `stamps_of` returns them."""
    if isinstance(videos, VideoTable):
        return videos.with_stamps(stamps)
    pairs = [None if size == NO_STAMP else (size, time) for size, time in stamps.tolist()]
    return [
        video if video.stamp == stamp else replace(video, stamp=stamp)
        for video, stamp in zip(videos, pairs, strict=True)
    ]


def identities(videos: Sequence[Video]) -> Iterator[tuple[str, tuple[int, ...], int, str]]:
    """Yield the id, labels, frames and hash of videos, sorted by id."""
    if isinstance(videos, VideoTable):
        ids = [videos.text("ids", index) for index in range(len(videos))]
        yield from map(videos.identity, sorted(range(len(ids)), key=ids.__getitem__))
        return
    for video in sorted(videos, key=lambda video: video.id):
        yield video.id, video.labels, video.frames, video.sha256


def _compact(ends: np.ndarray) -> np.ndarray:
    """Return increasing numbers in 32 bits, if they fit."""
    return ends.astype(np.int32) if not len(ends) or ends[-1] <= np.iinfo(np.int32).max else ends
