"""Decode the wanted frames of a video with PyAV, in one thread; anything odd means damaged.

Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8
from torch import Tensor

from harness.data.local import opened
from harness.data.videos import DamagedVideoError

Frames = UInt8[Tensor, "F H W 3"]


def read_frames(path: Path, wanted: Sequence[int] | None = None) -> Frames:
    """Decode a video in order and keep the wanted frames.

    Args:
        path: A local file.
        wanted: Indices of frames in the order of presentation, increasing; None for all.

    Raises:
        DamagedVideoError: If the file cannot be opened, has no video, has a frame flagged corrupt
            or of another size, or ends before the last wanted frame.
    """
    keep = None if wanted is None else set(wanted)
    last = None if wanted is None else max(wanted)
    pictures = []
    reformatter = VideoReformatter()
    with opened(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            if frame.is_corrupt:
                raise DamagedVideoError(f"{path}: frame {index} is corrupt")
            if keep is None or index in keep:
                rgb = reformatter.reformat(frame, format="rgb24", threads=1)
                pictures.append(rgb.to_ndarray())
            if index == last:
                break
    expected = len(pictures) if keep is None else len(keep)
    if not pictures or len(pictures) < expected:
        raise DamagedVideoError(f"{path}: ended after {len(pictures)} of {expected} wanted frames")
    if len({picture.shape for picture in pictures}) > 1:
        raise DamagedVideoError(f"{path}: its frames differ in size")
    return torch.from_numpy(np.stack(pictures))
