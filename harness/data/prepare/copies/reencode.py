"""Make a training copy of a video: small pictures, short groups, no more decoding than needed.

A copy holds the frames of its source one for one, turned upright, with a short side of at most
256 pixels, as H.264 in mp4 without sound. A group of 4 pictures has two that others need, so
`sparse_decode` decodes two or three pictures for a wanted one. Frames are numbered at the average
rate of the source; its own time stamps are not kept. A copy is lossy: it is a changed input.

Source: docs/reading.md compares settings and sizes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import VideoReformatter

from harness.data.reading.container import open_video, use_one_thread
from harness.data.reading.display_matrix import STORED, Matrix
from harness.data.reading.rotation import apply_matrix, display_matrix
from harness.data.video import DamagedVideoError

_RATES = (1, 240)
_DEFAULT_RATE = Fraction(30)
_UNKNOWN_MATRIX = 2


@dataclass(frozen=True, kw_only=True)
class EncodeSettings:
    """Settings of the encoder.

    Attributes:
        short_side_px: Longest short side; a smaller picture keeps its size.
        crf: Constant rate factor of x264; lower is better and larger.
        preset: Effort of x264.
        group: Frames from one IDR picture to the next.
        b_frames: Frames between two references.
    """

    short_side_px: int = 256
    crf: int = 23
    preset: str = "medium"
    group: int = 4
    b_frames: int = 3

    def sentence(self) -> str:
        """Return a description of a copy."""
        return (
            f"training copies: short side {self.short_side_px}, H.264, crf {self.crf}, "
            f"groups of {self.group}"
        )

    def options(self) -> dict[str, str]:
        """Return the options of the encoder."""
        return {
            "crf": str(self.crf),
            "preset": self.preset,
            "tune": "fastdecode",
            "g": str(self.group),
            "keyint_min": "1",
            "bf": str(self.b_frames),
            "b_strategy": "0",
            "b-pyramid": "none",
            "refs": "1",
        }


def reencode(source: Path, target: Path, settings: EncodeSettings, *, frames: int) -> None:
    """Make a training copy of a file.

    Args:
        source: A local file.
        target: Where to.
        settings: How.
        frames: Frames in the source, as its passport says.

    Raises:
        DamagedVideoError: If the source is damaged, has another number of frames, or frames of
            several sizes.
        av.FFmpegError: If the target cannot be written.
    """
    rate, count = _frame_rate(source), 0
    with av.open(str(target), "w", format="mp4") as out:
        encoder = out.add_stream("libx264", rate=rate, options=settings.options())
        use_one_thread(encoder.codec_context)
        for count, frame in enumerate(_decode_frames(source, settings.short_side_px), start=1):
            if count == 1:
                _describe(encoder.codec_context, frame)
            frame.pts, frame.time_base, frame.pict_type = count - 1, 1 / rate, 0
            out.mux(encoder.encode(frame))
        out.mux(encoder.encode())
    if count != frames:
        raise DamagedVideoError(f"{source}: {count} frames, {frames} in the passport")


def _frame_rate(source: Path) -> Fraction:
    with open_video(source) as (_, stream):
        rate = stream.average_rate
    low, high = _RATES
    return rate if rate and low <= rate <= high else _DEFAULT_RATE


def _describe(encoder: av.VideoCodecContext, frame: av.VideoFrame) -> None:
    """Set size and colours as those of the first frame."""
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuv420p"
    encoder.color_range, encoder.color_primaries = frame.color_range, frame.color_primaries
    encoder.color_trc = frame.color_trc
    encoder.colorspace = frame.colorspace or _UNKNOWN_MATRIX  # 0 is RGB, which no frame is any more


def _decode_frames(source: Path, short_side_px: int) -> Iterator[av.VideoFrame]:
    """Decode in order, scale and turn every frame."""
    matrix, reformatter, size = display_matrix(source), VideoReformatter(), None
    with open_video(source) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            size = size or (frame.width, frame.height)
            if frame.is_corrupt or (frame.width, frame.height) != size:
                raise DamagedVideoError(f"{source}: frame {number} is corrupt, or of another size")
            width, height = scaled_size(*size, short_side_px)
            picture = reformatter.reformat(
                frame, width, height, "yuv420p", interpolation="BICUBIC", threads=1
            )
            yield picture if matrix == STORED else _rotate_frame(picture, matrix)


def scaled_size(width: int, height: int, short_side_px: int) -> tuple[int, int]:
    """Shrink a size to a short side, never enlarge it, and round both sides to even numbers."""
    share = min(Fraction(short_side_px, min(width, height)), Fraction(1))
    return max(2 * round(width * share / 2), 2), max(2 * round(height * share / 2), 2)


def _rotate_frame(picture: av.VideoFrame, matrix: Matrix) -> av.VideoFrame:
    """Turn the three planes of a picture."""
    stored, height = picture.to_ndarray(), picture.height
    chroma = stored[height:].reshape(2, height // 2, -1)
    planes = [
        apply_matrix(torch.from_numpy(plane)[None, :, :, None], matrix)[0, :, :, 0].numpy()
        for plane in (stored[:height], *chroma)
    ]
    width = planes[0].shape[1]
    made = av.VideoFrame.from_ndarray(
        np.concatenate([plane.reshape(-1, width) for plane in planes]), format="yuv420p"
    )
    made.color_range, made.color_primaries = picture.color_range, picture.color_primaries
    made.color_trc, made.colorspace = picture.color_trc, picture.colorspace
    return made
