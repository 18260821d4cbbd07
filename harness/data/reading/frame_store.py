"""Decoded frames of the videos of a small data set, on disk, for all trials of a results folder.

A file holds one video: a CRC-32, the shape, and the bytes of the frames. Its name is a hash of all
that decides them, so that another video or another decoder has another name. It is published whole
and never replaced. The folder is a cache: whatever is missing, damaged or cannot be written is
decoded.

Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

import functools
import hashlib
import json
import math
import platform
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import av
import torch
from jaxtyping import UInt8
from torch import Tensor

from harness.data import gate
from harness.data.passport import file_sha256, video_sha256
from harness.data.video import Video
from harness.utils import files
from harness.utils.atomic import write_atomic

Frames = UInt8[Tensor, "F H W 3"]
MAX_VIDEOS = 10_000  # each is a file, and a mapping, of which a process has 65,530 by default
_CHECKSUM = struct.Struct("<I")
_SHAPE = struct.Struct("<3I")
_START = _CHECKSUM.size + _SHAPE.size
_FAILURES = (OSError, ValueError, RuntimeError)  # PyTorch raises the last where it cannot map


class FrameStore:
    """Decoded video files of one data set, if it is small: `max_mb` bound what is stored of it.

    A video is stored if all frames of the data set, were they as large as its own, fit into
    `max_mb`. The rule depends on no other process, and its sum over all videos fits too.

    Args:
        folder: Made when the first video is stored.
        splits: Videos of the data set; of more than `MAX_VIDEOS` none is stored.
        max_mb: Most megabytes of the data set.
    """

    def __init__(self, folder: Path, splits: Mapping[str, Sequence[Video]], max_mb: int) -> None:
        self.folder = folder
        stored = splits if sum(map(len, splits.values())) <= MAX_VIDEOS else {}
        self.num_frames = sum(video.frames for videos in stored.values() for video in videos)
        self.max_bytes = max_mb * 1_000_000
        self.is_writable = True

    def get(self, video: Video) -> Frames | None:
        """Map the frames of a video that lies in its place; None if they are not stored, intact."""
        if not self._is_eligible(video):
            return None
        path = self._path(video)
        try:
            gate.check_regular(video.path)
            size = gate.check_regular(path).st_size
            files.check_private(self.folder)
            # Python's own mapping would keep a descriptor for each file.
            content = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)
        except _FAILURES:
            return None
        frames = _unpack(content, video, path.name)
        if frames is None:
            self._remove(path)
        return frames

    def add(self, video: Video, decode: Callable[[], Frames]) -> Frames:
        """Decode all frames of a video, and store them if they are those of its passport."""
        was_intact = self._is_eligible(video) and _is_intact(video)
        frames = decode()
        is_small = self.num_frames * frames[0].numel() <= self.max_bytes
        if was_intact and is_small and _is_intact(video):
            self._write(self._path(video), frames)
        return frames

    def _is_eligible(self, video: Video) -> bool:
        smallest = 3 * gate.LIMITS.min_side_px**2
        return bool(video.sha256) and 0 < self.num_frames * smallest <= self.max_bytes

    def _path(self, video: Video) -> Path:
        key = json.dumps([_reader(), video.sha256, video.frames, video.turned])
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.rgb"

    def _write(self, path: Path, frames: Frames) -> None:
        """Publish frames, unless another process has; a disk that fails once is left alone."""
        try:
            if self.is_writable and not path.exists():
                files.make_folder(self.folder)
                files.check_private(self.folder)
                # A lost file is decoded again, so nothing waits for the disk.
                write_atomic(path, _pack(frames, path.name), is_synced=False)
        except _FAILURES:
            self.is_writable = False

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            self.is_writable = False


@functools.cache
def _reader() -> str:
    """Hash what decides the frames besides the file: readers, decoder, and their instructions."""
    sources = [*sorted(Path(__file__).parent.glob("*.py")), Path(gate.__file__)]
    facts = [
        *map(file_sha256, sources),
        av.__version__,
        sorted(av.library_versions.items()),
        platform.machine(),
        torch.backends.cpu.get_cpu_capability(),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _is_intact(video: Video) -> bool:
    try:
        return video_sha256(video) == video.sha256
    except (OSError, ValueError):
        return False


def _pack(frames: Frames, name: str) -> bytes:
    body = _SHAPE.pack(*frames.shape[:3]) + frames.numpy().tobytes()
    return _CHECKSUM.pack(_checksum(body, name)) + body


def _unpack(content: UInt8[Tensor, " B"], video: Video, name: str) -> Frames | None:
    """Return the frames in a file; None if it is not what was written under its name."""
    if len(content) < _START:
        return None
    (checksum,) = _CHECKSUM.unpack_from(content.numpy().data)
    shape = (*_SHAPE.unpack_from(content.numpy().data, _CHECKSUM.size), 3)
    if shape[0] != video.frames or math.prod(shape) != len(content) - _START:
        return None
    if _checksum(content[_CHECKSUM.size :].numpy().data, name) != checksum:
        return None
    return content[_START:].view(shape)


def _checksum(body: bytes | memoryview, name: str) -> int:
    return zlib.crc32(body, zlib.crc32(name.encode()))
