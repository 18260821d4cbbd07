"""A labelled video, from the lists of its data set and from its passport."""

import os
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path


class DamagedVideoError(ValueError):
    """A video that cannot be read, is incomplete, or differs from its passport."""


class RefusedVideoError(DamagedVideoError):
    """A video that the limits of `harness.data.gate` refuse, damaged or not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Presentation times of the frames of a video.

    Attributes:
        unit: Unit of a time stamp in seconds, as a fraction such as `1/15360`.
        step: Constant distance of time stamps in units, perhaps a fraction; empty if it varies.
        stamps: Every time stamp minus the first, in units, if the distance varies.
    """

    unit: str
    step: str = ""
    stamps: tuple[int, ...] = ()

    @property
    def is_increasing(self) -> bool:
        """Return whether every frame is shown later than the one before."""
        if self.step:
            return Fraction(self.step) > 0
        return all(previous < following for previous, following in pairwise(self.stamps))


@dataclass(frozen=True, slots=True)
class Member(os.PathLike[str]):
    """A video file within a shard, in place of the path of a file of its own.

    Attributes:
        shard: Path of the shard, which stands for the member where a file is opened.
        start: Its first byte within the shard.
        size: Its bytes.
    """

    shard: Path
    start: int
    size: int

    def __fspath__(self) -> str:
        return str(self.shard)

    def __str__(self) -> str:
        return f"{self.shard}, bytes {self.start} to {self.start + self.size}"

    def stat(self) -> os.stat_result:
        """Return the status of the shard."""
        return self.shard.stat()


File = Path | Member


@dataclass(frozen=True, kw_only=True, slots=True)
class Video:
    """One labelled video: a file, or a folder with a picture for each frame.

    Lists give the first three fields; a check reads the video to its end and adds the others.

    Attributes:
        id: Unique within its data set, the same on every machine.
        path: The file or the folder.
        labels: Class indices from 0, increasing; one, except in multi-label data sets.
        sha256: Hash of its bytes, in hexadecimal; empty if unknown.
        frames: Number of frames, counted by decoding; 0 if unknown.
        stamp: Bytes, and modification time in nanoseconds, when it was read.
        timing: Presentation times of its frames; None if the file has none.
        turned: Whether players rotate or mirror its pictures.
        span: First byte and number of bytes of a video in a shard, which `path` then names.
        within: Folders that it must lie in, with links resolved: those of its passport.
    """

    id: str
    path: Path
    labels: tuple[int, ...]
    sha256: str = ""
    frames: int = 0
    stamp: tuple[int, int] | None = None
    timing: Timing | None = None
    turned: bool = False
    span: tuple[int, int] | None = None
    within: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def file(self) -> File:
        """Return the file, or its place in a shard."""
        return self.path if self.span is None else Member(self.path, *self.span)

    @property
    def label(self) -> int:
        """Return the first label."""
        return self.labels[0]
