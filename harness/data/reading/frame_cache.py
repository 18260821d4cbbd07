"""Frames of a video, from a file or a folder of pictures; small videos are kept whole.

Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from torch import Tensor

from harness.data.reading import image_folder
from harness.data.reading.index_cache import ByteBudget, PacketTableCache
from harness.data.reading.sparse_decode import read_planned
from harness.data.video import Video

Frames = UInt8[Tensor, "F H W 3"]
MIN_CACHED_VIDEOS = 64


def read(
    video: Video, wanted: Sequence[int] | None = None, tables: PacketTableCache | None = None
) -> Frames:
    """Read wanted frames as players show them.

    Args:
        video: A file, read by plan where it allows one, or a folder of pictures.
        wanted: Indices of frames in the order of presentation, increasing; None for all.
        tables: Of files that were read before.

    Raises:
        DamagedVideoError: If a wanted frame cannot be read.
    """
    if video.path.is_dir():
        return image_folder.read(video.path, wanted)
    return read_planned(video.path, wanted, upright=video.turned, tables=tables)


def read_any_order(
    video: Video, wanted: Int[np.ndarray, " F"], tables: PacketTableCache | None = None
) -> Frames:
    """Read frames in any order, each of them once, though it may be wanted twice."""
    distinct, places = np.unique(wanted, return_inverse=True)
    frames = read(video, distinct.tolist(), tables)
    # Picking frames copies them: on training copies that is a seventh of the work.
    return frames if np.array_equal(distinct, wanted) else frames[places]


class FrameCache:
    """Decoded videos, kept whole if they are small; of the rest, what a plan needs to know.

    A video is kept if all its frames fit into 1/64 of the room and into what is left of it.
    Otherwise a few large videos would fill the room, each at the price of decoding all of it.

    Args:
        room_mb: Room in megabytes.
    """

    def __init__(self, room_mb: int) -> None:
        self.room = ByteBudget(room_mb * 1_000_000)
        self.largest = self.room.left // MIN_CACHED_VIDEOS
        self.whole: dict[Path, Frames] = {}
        self.tables = PacketTableCache(self.room)

    def read(self, video: Video, wanted: Int[np.ndarray, " F"]) -> Frames:
        """Return frames of a video by index; an index may occur twice."""
        if video.path not in self.whole:
            frames = read_any_order(video, wanted, self.tables)
            size = video.frames * frames[0].nbytes
            if size > self.largest or not self.room.take(size):
                return frames
            self.whole[video.path] = read(video)
        return self.whole[video.path][wanted]
