"""A labelled video file, as the passport of its data set knows it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Video:
    """One labelled file.

    Attributes:
        id: Unique within its data set, the same on every machine.
        path: The file.
        label: Class index from 0.
        frames: Frames in it, counted by decoding.
        sha256: Hash of its bytes, in hexadecimal.
    """

    id: str
    path: Path
    label: int
    frames: int
    sha256: str
