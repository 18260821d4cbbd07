"""Local video files for one decoder thread; any error while one is open means damage."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av

from harness.data.video import DamagedVideoError

_LOCAL_ONLY = {"protocol_whitelist": "file"}


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a file, and yield its container and first video stream.

    One decoder thread: in damaged files the frames depend on the number of threads.

    Raises:
        DamagedVideoError: If the file cannot be opened, has no video, or fails while it is read.
    """
    try:
        # A title that is not UTF-8 does not affect the frames.
        with av.open(str(path), options=_LOCAL_ONLY, metadata_errors="replace") as container:
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise DamagedVideoError(f"{path}: video codec is unknown")
            use_one_thread(stream.codec_context)
            yield container, stream
    except (av.FFmpegError, IndexError) as error:
        raise DamagedVideoError(f"{path}: {error}") from error


def use_one_thread(context: av.VideoCodecContext) -> None:
    """Make a codec work in the calling thread."""
    context.thread_type = "NONE"
    context.thread_count = 1
