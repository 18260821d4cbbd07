"""Decode the wanted frames of a video with PyAV, in one thread; anything odd means damaged.

Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8
from torch import Tensor

from harness.data.reading.container import open_video
from harness.data.video import DamagedVideoError

Frames = UInt8[Tensor, "F H W 3"]
Picture = UInt8[np.ndarray, "H W 3"]


def read_frames(path: Path, wanted: Sequence[int] | None = None) -> Frames:
    """Decode a video in order and keep the wanted frames.

    Args:
        path: A local file.
        wanted: Indices of frames in the order of presentation, increasing; None for all.

    Raises:
        DamagedVideoError: If the file cannot be opened, has no video, has a frame flagged corrupt
            or of another size, or ends before the last wanted frame.
    """
    pictures = _decode_pictures(path, None if wanted is None else set(wanted))
    if wanted is None:
        found = list(pictures)
        return stack_pictures(path, found, len(found))
    frames = stack_pictures(path, pictures, len(set(wanted)))
    if len(frames) < len(set(wanted)):
        came = f"{len(frames)} of {len(set(wanted))} wanted frames"
        raise DamagedVideoError(f"{path}: ended after {came}")
    return frames


def stack_pictures(path: Path, pictures: Iterable[Picture], count: int) -> Frames:
    """Copy pictures into one tensor as they come, so that one at a time is held beside it.

    Args:
        path: The file that they come from.
        pictures: At most `count` of them.
        count: How many to make room for; fewer may come.

    Raises:
        DamagedVideoError: If none comes, or they differ in size.
    """
    frames, came = np.empty((0, 0, 0, 3), np.uint8), 0
    for came, picture in enumerate(pictures, start=1):
        if came == 1:
            frames = np.empty((count, *picture.shape), np.uint8)
        if picture.shape != frames.shape[1:]:
            raise DamagedVideoError(f"{path}: its frames differ in size")
        frames[came - 1] = picture
    if not came:
        raise DamagedVideoError(f"{path}: not one wanted frame can be decoded")
    return torch.from_numpy(frames[:came])


def _decode_pictures(path: Path, keep: Collection[int] | None) -> Iterator[Picture]:
    """Decode in order and yield what is kept, up to the last of it."""
    last = None if keep is None else max(keep)
    reformatter = VideoReformatter()
    with open_video(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            if frame.is_corrupt:
                raise DamagedVideoError(f"{path}: frame {index} is corrupt")
            if keep is None or index in keep:
                yield reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
            if index == last:
                break
