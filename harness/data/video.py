"""A labelled video, as the lists of its data set name it and as its passport knows it."""

from dataclasses import dataclass
from pathlib import Path


class DamagedVideoError(ValueError):
    """A video that cannot be read, is not whole, or is not the one that its passport knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """When the frames of a video are shown.

    Attributes:
        unit: Seconds of a time stamp, as a fraction such as `1/15360`.
        step: From one time stamp to the next where one step tells them all, perhaps a fraction.
        stamps: Otherwise every time stamp less the first, in units.
    """

    unit: str
    step: str = ""
    stamps: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Video:
    """One labelled video: a file, or a folder with a picture for each frame.

    What its lists name comes first; the rest is known once the video was read from end to end.

    Attributes:
        id: Unique within its data set, the same on every machine.
        path: The file or the folder.
        labels: Class indices from 0, increasing; one, but for data sets that give several.
        sha256: Hash of its bytes, in hexadecimal; empty where none is known.
        frames: Frames in it, counted by decoding; 0 where nobody counted.
        stamp: Bytes, and time of the last change in nanoseconds, when it was read.
        timing: When its frames are shown; None where the file does not say.
        turned: Whether players turn or mirror its pictures.
    """

    id: str
    path: Path
    labels: tuple[int, ...]
    sha256: str = ""
    frames: int = 0
    stamp: tuple[int, int] | None = None
    timing: Timing | None = None
    turned: bool = False

    @property
    def label(self) -> int:
        """Return the first label."""
        return self.labels[0]
