"""Read wanted frames of a video by sending the decoder only what they need.

`read_planned` and `read_indexed` give what `decode.read_frames` gives, bit for bit, and its errors.
`packet_index` states the rule that decides which files allow a plan; every other file, and every
file that does not decode as planned, is read in order. Damage in a part that no wanted frame
needs is not met by a plan: finding it is the work of the passport.

Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
from av.stream import Discard
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8
from torch import Tensor

from harness.data.reading import packet_index
from harness.data.reading.container import open_video, use_one_thread
from harness.data.reading.decode import read_frames, stack_pictures
from harness.data.reading.display_matrix import STORED
from harness.data.reading.index_cache import PacketTableCache
from harness.data.reading.packet_index import NotPlainError, Packet, PacketTable
from harness.data.reading.rotation import apply_matrix, display_matrix
from harness.data.video import DamagedVideoError

_FALLBACK_ERRORS = (DamagedVideoError, NotPlainError)


def read_planned(
    path: Path,
    wanted: Sequence[int] | None = None,
    *,
    upright: bool = False,
    tables: PacketTableCache | None = None,
) -> UInt8[Tensor, "F H W 3"]:
    """Decode what the wanted frames need, in one thread, and keep the wanted frames.

    Args:
        path: A local file.
        wanted: Indices of frames in the order of presentation, increasing; None for all.
        upright: Turn the frames as the file's display matrix asks.
        tables: Of files that were read before, with the same `upright`: their containers are not
            opened again.

    Raises:
        DamagedVideoError: As `read_frames`, which reads every file that has no plan; with
            `upright`, also if the display matrix is neither a quarter turn nor a mirror.
    """
    known = tables.find(path) if tables is not None else None
    if known is not None and wanted is not None:
        return read_indexed(path, wanted, known, upright=upright)
    matrix = display_matrix(path) if upright else STORED
    try:
        frames, found = _decode_file(path, wanted or [])
    except _FALLBACK_ERRORS:
        return apply_matrix(read_frames(path, wanted), matrix)
    if tables is not None:
        tables.keep(path, replace(found, matrix=matrix))
    return apply_matrix(frames, matrix)


def read_indexed(
    path: Path, wanted: Sequence[int], known: PacketTable, *, upright: bool = False
) -> UInt8[Tensor, "F H W 3"]:
    """Read by plan without opening the container: its packets are known.

    Args:
        path: A local file, whose hash the owner of the table has compared.
        wanted: Indices of frames in the order of presentation, increasing.
        known: What `index` said of the file.
        upright: Turn the frames as the file's display matrix asks.

    Raises:
        DamagedVideoError: As `read_frames`, which reads what does not decode as planned.
    """
    try:
        frames = _decode_indexed(path, wanted, known)
    except (*_FALLBACK_ERRORS, av.FFmpegError, OSError):
        frames = read_frames(path, wanted)
    return apply_matrix(frames, known.matrix) if upright else frames


def build_index(path: Path) -> PacketTable | None:
    """Describe a file for `read_indexed`; None if it is not plain.

    Decodes the file once in order, and so proves that its frames come as its time stamps say.

    Raises:
        DamagedVideoError: If it is not a readable video, or its display matrix is refused.
    """
    with open_video(path) as (container, stream):
        try:
            sent = _read_packets(container, stream)
            known = packet_index.build_table(container, stream, sent)
        except NotPlainError:
            return None
        stamps = [
            stamp for packet in [*sent, None] for stamp in _frame_stamps(path, stream, packet)
        ]
    if stamps != sorted(known.pts):
        return None
    return replace(known, matrix=display_matrix(path))


def _frame_stamps(path: Path, stream: av.VideoStream, packet: Packet | None) -> list[int | None]:
    frames = stream.codec_context.decode(packet)
    if any(frame.is_corrupt for frame in frames):
        raise DamagedVideoError(f"{path}: a frame is corrupt")
    return [frame.pts for frame in frames]


def _read_packets(container: av.container.InputContainer, stream: av.VideoStream) -> list[Packet]:
    """Read all packets of a stream, if there can be a plan."""
    packet_index.check_kind(container, stream)
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return [packet for packet in container.demux(stream) if packet.size]


def _decode_file(path: Path, wanted: Sequence[int]) -> tuple[UInt8[Tensor, "F H W 3"], PacketTable]:
    with open_video(path) as (container, stream):
        sent = _read_packets(container, stream)
        known = packet_index.build_table(container, stream, sent)
        return _decode_planned(path, stream.codec_context, known, wanted, sent.__getitem__), known


def _decode_indexed(
    path: Path, wanted: Sequence[int], known: PacketTable
) -> UInt8[Tensor, "F H W 3"]:
    context = av.CodecContext.create("h264", "r")
    context.extradata = known.header
    context.color_range, context.color_primaries, context.color_trc, context.colorspace = (
        known.colour
    )
    use_one_thread(context)
    with path.open("rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size != known.file_bytes:
            raise NotPlainError("the file is not the one that the table knows")

        def packet(number: int) -> Packet:
            content = os.pread(file.fileno(), known.sizes[number], known.positions[number])
            made = Packet(content)
            made.pts = known.pts[number]
            return made

        return _decode_planned(path, context, known, wanted, packet)


def _decode_planned(
    path: Path,
    context: av.VideoCodecContext,
    known: PacketTable,
    wanted: Sequence[int],
    packet: Callable[[int], Packet],
) -> UInt8[Tensor, "F H W 3"]:
    """Decode by plan and match by time stamp.

    Raises:
        NotPlainError: If a frame is not there or nothing like what the plan expects.
    """
    shown = sorted(range(len(known.pts)), key=known.pts.__getitem__)
    if not wanted or min(wanted) < 0 or max(wanted) >= len(shown):
        raise NotPlainError("no frames are wanted, or frames beyond the end")
    chosen = {shown[frame] for frame in wanted}
    stamps = {known.pts[number] for number in chosen}
    reformatter = VideoReformatter()
    pictures = (
        reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        for frame in _decode_runs(context, packet_index.packet_runs(known, chosen), packet)
        if frame.pts in stamps
    )
    frames = stack_pictures(path, pictures, len(stamps))
    if len(frames) != len(stamps):
        raise NotPlainError("frames are missing")
    return frames


def _decode_runs(
    context: av.VideoCodecContext, runs: list[list[int]], packet: Callable[[int], Packet]
) -> Iterator[av.VideoFrame]:
    """Decode run by run; each begins at an IDR picture, so nothing is kept from the one before."""
    before = None
    for run in runs:
        for number in [*run, None]:
            for frame in context.decode(None if number is None else packet(number)):
                late = before is not None and (frame.pts is None or frame.pts <= before)
                if late or frame.is_corrupt or frame.interlaced_frame:
                    raise NotPlainError("a frame is late, corrupt or interlaced")
                before = frame.pts
                yield frame
        context.flush_buffers()
