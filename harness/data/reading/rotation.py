"""Turn frames as the display matrix of their file asks.

Players and the ffmpeg program apply this matrix, decoders do not: a phone's upright video may be
stored lying. Readers here give pictures as they are stored unless `upright` is asked for.

Rule: quarter turns and mirrors are applied, by moving pixels; any other matrix is refused.
Axes: F frames, H x W pixels, C channels.
"""

from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from harness.data.reading.container import open_video
from harness.data.reading.display_matrix import STORED, Matrix, frame_matrix
from harness.data.video import DamagedVideoError


def display_matrix(path: Path) -> Matrix:
    """Return a, b, c, d of a file's display matrix.

    Raises:
        DamagedVideoError: If the file has no first frame, or its matrix is neither a quarter turn
            nor a mirror.
    """
    with open_video(path) as (container, stream):
        first = next(container.decode(stream), None)
    if first is None:
        raise DamagedVideoError(f"{path}: has no frame")
    matrix = frame_matrix(first)
    if matrix is None:
        raise DamagedVideoError(f"{path}: its display matrix is no quarter turn and no mirror")
    return matrix


def apply_matrix(frames: UInt8[Tensor, "F H W C"], matrix: Matrix) -> UInt8[Tensor, "F h w C"]:
    """Move the pixels of frames to where they are shown."""
    a, b, c, d = matrix
    lying = frames if a else frames.transpose(1, 2)
    mirrored = [axis for axis, sign in ((2, a or c), (1, b or d)) if sign < 0]
    return lying.flip(mirrored) if matrix != STORED else frames
