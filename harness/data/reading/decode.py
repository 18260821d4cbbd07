"""Decoding in order with PyAV, in one thread; any irregularity means damage.

Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import torch
from av import VideoFrame
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8
from torch import Tensor

from harness.data import gate
from harness.data.reading.container import open_video
from harness.data.video import DamagedVideoError, File

Frames = UInt8[Tensor, "F H W 3"]
Picture = UInt8[np.ndarray, "H W 3"]


def read_frames(path: File, indices: Sequence[int] | None = None) -> Frames:
    """Decode a video in order and keep the requested frames.

    Args:
        path: A local file.
        indices: Frames to return, increasing, in the order of presentation; None for all.

    Raises:
        DamagedVideoError: If the file cannot be opened, has no video, has a frame flagged corrupt
            or of another size, or ends before the last requested frame.
        RefusedVideoError: If the gate refuses it.
    """
    pictures = _decode_pictures(path, None if indices is None else set(indices))
    if indices is None:
        decoded = list(pictures)
        return stack_pictures(path, decoded, len(decoded))
    frames = stack_pictures(path, pictures, len(set(indices)))
    if len(frames) < len(set(indices)):
        counts = f"{len(frames)} of {len(set(indices))} requested frames"
        raise DamagedVideoError(f"{path}: ends after {counts}")
    return frames


def stack_pictures(path: File, pictures: Iterable[Picture], count: int) -> Frames:
    """Copy pictures into one tensor as they arrive, so that memory holds one more at a time.

    Args:
        path: Their file, for messages.
        pictures: At most `count`.
        count: Pictures to allocate; fewer may arrive.

    Raises:
        DamagedVideoError: If none arrives, or they differ in size.
    """
    frames, count_decoded = np.empty((0, 0, 0, 3), np.uint8), 0
    for count_decoded, picture in enumerate(pictures, start=1):
        if count_decoded == 1:
            frames = np.empty((count, *picture.shape), np.uint8)
        if picture.shape != frames.shape[1:]:
            raise DamagedVideoError(f"{path}: frames differ in size")
        frames[count_decoded - 1] = picture
    if not count_decoded:
        raise DamagedVideoError(f"{path}: none of the requested frames can be decoded")
    return torch.from_numpy(frames[:count_decoded])


def _decode_pictures(path: File, keep: Collection[int] | None) -> Iterator[Picture]:
    """Decode in order and yield the pictures to keep, up to the last of them."""
    last = None if keep is None else max(keep)
    reformatter = VideoReformatter()
    with open_video(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            gate.check_count(index + 1)
            if frame.is_corrupt:
                raise DamagedVideoError(f"{path}: frame {index} is corrupt")
            if keep is None or index in keep:
                yield to_picture(frame, reformatter)
            if index == last:
                break


def to_picture(frame: VideoFrame, reformatter: VideoReformatter) -> Picture:
    """Convert a decoded frame to RGB.

    Raises:
        RefusedVideoError: If its size, whatever the header says, is not allowed.
    """
    gate.check_size(frame.width, frame.height)
    picture: Picture = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    return picture
