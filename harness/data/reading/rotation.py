"""Rotation of frames by the display matrix of their file.

Players and the ffmpeg program apply this matrix, decoders do not: a phone may store an upright
video sideways. Readers here return frames as stored unless `upright=True`.

Rule: quarter turns and mirrors are applied by moving pixels; any other matrix is refused.
Axes: F frames, H x W pixels, C channels.
"""

from jaxtyping import UInt8
from torch import Tensor

from harness.data.reading.container import open_video
from harness.data.reading.display_matrix import STORED, Matrix, frame_matrix
from harness.data.video import DamagedVideoError, File


def display_matrix(path: File) -> Matrix:
    """Return a, b, c, d of the display matrix of a file.

    Raises:
        DamagedVideoError: If the file has no frame, or its matrix is not made of quarter turns and
            mirrors.
    """
    with open_video(path) as (container, stream):
        first = next(container.decode(stream), None)
    if first is None:
        raise DamagedVideoError(f"{path}: file has no frame")
    matrix = frame_matrix(first)
    if matrix is None:
        raise DamagedVideoError(f"{path}: display matrix is not made of quarter turns and mirrors")
    return matrix


def apply_matrix(frames: UInt8[Tensor, "F H W C"], matrix: Matrix) -> UInt8[Tensor, "F h w C"]:
    """Move the pixels of frames to their places on display."""
    a, b, c, d = matrix
    rotated = frames if a else frames.transpose(1, 2)
    mirrored_axes = [axis for axis, sign in ((2, a or c), (1, b or d)) if sign < 0]
    return rotated.flip(mirrored_axes) if matrix != STORED else frames
