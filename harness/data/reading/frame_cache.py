"""Frames of a video, from a file or a folder of pictures; small files are cached whole.

Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Int, UInt8
from torch import Tensor

from harness.data import gate
from harness.data.reading import image_folder
from harness.data.reading.container import open_video
from harness.data.reading.frame_store import FrameStore
from harness.data.reading.index_cache import ByteBudget, PacketTableCache
from harness.data.reading.packet_file import PacketFile
from harness.data.reading.packet_packing import Entry
from harness.data.reading.sparse_decode import read_in_order, read_indexed, read_planned
from harness.data.video import File, RefusedVideoError, Video

Frames = UInt8[Tensor, "F H W 3"]
MIN_CACHED_VIDEOS = 64


def read(
    video: Video,
    indices: Sequence[int] | None = None,
    tables: PacketTableCache | None = None,
    entry: Entry | None = None,
) -> Frames:
    """Read frames as players show them.

    Args:
        video: A file, read by plan where it allows one, or a folder of pictures.
        indices: Frames to return, increasing, in the order of presentation; None for all.
        tables: Packet tables of files that were read before.
        entry: Of the packet index, which spares a look at the packets; None without one.

    Raises:
        DamagedVideoError: If a requested frame cannot be read.
        RefusedVideoError: If the gate refuses the video.
    """
    _check_place(video)
    if entry is not None and indices is not None:
        if entry.table is None:
            return read_in_order(video.file, indices, upright=video.turned)
        return read_indexed(video.file, indices, entry.table, upright=video.turned)
    if video.path.is_dir():
        return image_folder.read(video.path, indices, within=video.within)
    return read_planned(video.file, indices, upright=video.turned, tables=tables)


def read_any_order(
    video: Video,
    indices: Int[np.ndarray, " F"],
    tables: PacketTableCache | None = None,
    entry: Entry | None = None,
) -> Frames:
    """Read frames in any order; a repeated index is read once."""
    distinct, inverse = np.unique(indices, return_inverse=True)
    frames = read(video, distinct.tolist(), tables, entry)
    # Indexing copies the frames: on training copies that is a seventh of the work.
    return frames if np.array_equal(distinct, indices) else frames[inverse]


class FrameCache:
    """Decoded small files, and packet tables of the others.

    A file is cached if all its frames fit into 1/64 of the budget and into the rest of it.
    Otherwise a few large videos would fill the cache, each at the price of decoding all of it.

    Args:
        budget_mb: Size of the cache in megabytes.
        store: Files that another process has decoded; None to decode every file here.
        index: Packet index of the data set; None to look at the packets of every file here.
    """

    def __init__(
        self, budget_mb: int, store: FrameStore | None = None, index: PacketFile | None = None
    ) -> None:
        self.budget = ByteBudget(budget_mb * 1_000_000)
        self.max_video_bytes = self.budget.left // MIN_CACHED_VIDEOS
        self.videos: dict[File, Frames] = {}
        self.tables = PacketTableCache(self.budget)
        self.store = store
        self.index = index

    def read(self, video: Video, indices: Int[np.ndarray, " F"]) -> Frames:
        """Return frames of a video by index; an index may repeat."""
        if video.file not in self.videos:
            entry = self.index.get(video) if self.index else None
            whole = self._read_whole(video, entry)
            if whole is None:
                return read_any_order(video, indices, self.tables, entry)
            self.videos[video.file] = whole
        return self.videos[video.file][indices]

    def close(self) -> None:
        """Forget all frames, since a process may map a limited number of files."""
        self.videos.clear()

    def _read_whole(self, video: Video, entry: Entry | None) -> Frames | None:
        """Return all frames of a file, if it is to be cached."""
        was_too_large = video.file in self.tables.entries
        if not self.max_video_bytes or was_too_large:
            return None
        if entry is None and video.path.is_dir():
            return None
        if entry is not None and video.frames * entry.picture_bytes > self.max_video_bytes:
            return None
        _check_place(video)
        stored = self.store.get(video) if self.store else None
        if stored is not None:
            return stored if self._take_room(stored.numel()) else None
        if not self._take_room(video.frames * _picture_bytes(video, entry)):
            return None
        # Not "all": the file may hold more than its passport says.
        decode = partial(read, video, range(video.frames), None, entry)
        return self.store.add(video, decode) if self.store else decode()

    def _take_room(self, size: int) -> bool:
        """Take bytes from the budget, if one video may have as many."""
        return size <= self.max_video_bytes and self.budget.take(size)


def _picture_bytes(video: Video, entry: Entry | None) -> int:
    """Return the bytes of a decoded frame, by the index or the header of a file."""
    if entry is not None:
        return entry.picture_bytes
    with open_video(video.file) as (_, stream):
        return 3 * stream.codec_context.width * stream.codec_context.height


def _check_place(video: Video) -> None:
    try:
        gate.check_place(video.path, video.within)
    except RefusedVideoError as error:
        raise RefusedVideoError(f"{video.path}: {error}") from None
