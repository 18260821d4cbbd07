"""Local video files for one decoder thread; any error while one is open means damage."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction

import av
from av.logging import Capture
from av.stream import Disposition

from harness.data import gate
from harness.data.gate import LIMITS, Limits
from harness.data.member_file import MemberFile
from harness.data.video import DamagedVideoError, File, Member, RefusedVideoError

# Formats that hold their video: a script or a playlist would open other files.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
_SAFE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
_NOT_ALLOWED = "Format not on whitelist"
Log = list[tuple[int, str, str]]


@contextlib.contextmanager
def open_video(path: File) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a file, and yield its container and first video stream.

    One decoder thread: in damaged files the frames depend on the number of threads.

    Raises:
        DamagedVideoError: If the file cannot be opened, has no video, or fails while it is read.
        RefusedVideoError: If the gate refuses it.
    """
    try:
        gate.check_regular(path)
        with open_container(path) as container:
            stream = select_stream(container)
            gate.check_claim(promised_seconds(container, stream), stream.frames)
            gate.check_size(stream.width, stream.height)
            prepare_decoder(stream.codec_context)
            yield container, stream
    except RefusedVideoError as error:
        raise RefusedVideoError(f"{path}: {error}") from error
    except av.ArgumentError as error:
        raise RefusedVideoError(f"{path}: {_why_refused(path) or error}") from error
    except (av.FFmpegError, OSError) as error:
        raise DamagedVideoError(f"{path}: {error}") from error


@contextlib.contextmanager
def open_container(path: File) -> Iterator[av.container.InputContainer]:
    """Open a local file, or its part of a shard, in one of the formats that open no other file."""
    with contextlib.ExitStack() as opened:
        source: str | MemberFile = str(path)
        if isinstance(path, Member):
            file = opened.enter_context(gate.open_file(path))
            gate.place_in(path, file)
            source = MemberFile(file, path)
        # A title that is not UTF-8 does not affect the frames.
        yield opened.enter_context(av.open(source, "r", options=_SAFE, metadata_errors="replace"))


def select_stream(container: av.container.InputContainer) -> av.VideoStream:
    """Return the first video stream that is not a cover.

    Raises:
        RefusedVideoError: If there is none, or its codec is unknown.
    """
    for stream in container.streams.video:
        if Disposition.attached_pic not in stream.disposition:
            if stream.codec_context is None:
                raise RefusedVideoError("video codec is unknown")
            return stream
    raise RefusedVideoError("file has no video stream")


def promised_seconds(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Fraction | None:
    """Return the duration in the header; None if it has none."""
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    return None if container.duration is None else Fraction(container.duration, av.time_base)


def prepare_decoder(context: av.VideoCodecContext, limits: Limits = LIMITS) -> None:
    """Make a decoder work in the calling thread, and refuse pictures larger than its limit."""
    use_one_thread(context)
    context.options = {"max_pixels": str(limits.max_pixels)}


def use_one_thread(context: av.VideoCodecContext) -> None:
    """Make a codec work in the calling thread."""
    context.thread_type = "NONE"
    context.thread_count = 1


def refused_format(log: Log) -> str:
    """Return the sentence on a format that is not allowed; empty if the log tells of none."""
    if log and log[-1][2].strip().startswith(_NOT_ALLOWED):
        return f"format {log[-1][1]} is not allowed for a video"
    return ""


def _why_refused(path: File) -> str:
    """Open a refused file once more, this time with the messages of the library."""
    level, skips = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with Capture() as log, contextlib.suppress(av.FFmpegError), open_container(path):
            pass
        return refused_format(log)
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skips)
