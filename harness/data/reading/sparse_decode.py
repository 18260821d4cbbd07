"""Sparse decoding: the decoder receives only the packets that the requested frames need.

`read_planned` and `read_indexed` return the frames of `decode.read_frames`, bit for bit, and raise
its errors. `packet_index` defines the files that allow a plan; every other file, and every file
that does not decode as planned, is read in order. Planned reading does not detect damage in
packets that no requested frame needs: the check behind the passport does.

Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import av
from av.stream import Discard
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8
from torch import Tensor

from harness.data import gate
from harness.data.reading import packet_index
from harness.data.reading.container import open_video, prepare_decoder
from harness.data.reading.decode import read_frames, stack_pictures, to_picture
from harness.data.reading.display_matrix import STORED
from harness.data.reading.index_cache import PacketTableCache
from harness.data.reading.packet_index import NotPlainError, Packet, PacketTable
from harness.data.reading.packet_reader import PacketReader
from harness.data.reading.rotation import apply_matrix, display_matrix
from harness.data.video import DamagedVideoError, File

_FALLBACK_ERRORS = (DamagedVideoError, NotPlainError)


def read_planned(
    path: File,
    indices: Sequence[int] | None = None,
    *,
    upright: bool = False,
    tables: PacketTableCache | None = None,
) -> UInt8[Tensor, "F H W 3"]:
    """Decode the packets that the requested frames need, in one thread, and return the frames.

    Args:
        path: A local file.
        indices: Frames to return, increasing, in the order of presentation; None for all.
        upright: Apply the display matrix of the file.
        tables: Packet tables of files that were read before, with the same `upright`: their
            containers are not opened again.

    Raises:
        DamagedVideoError: As `read_frames`, which reads every file without a plan; with `upright`,
            also if the display matrix is not made of quarter turns and mirrors.
    """
    table = tables.get(path) if tables is not None else None
    if table is not None and indices is not None:
        return read_indexed(path, indices, table, upright=upright)
    try:
        frames, new_table = _decode_file(path, indices or [])
    except _FALLBACK_ERRORS:
        return read_in_order(path, indices, upright=upright)
    matrix = display_matrix(path) if upright else STORED
    if tables is not None:
        tables.put(path, replace(new_table, matrix=matrix))
    return apply_matrix(frames, matrix)


def read_in_order(
    path: File, indices: Sequence[int] | None = None, *, upright: bool = False
) -> UInt8[Tensor, "F H W 3"]:
    """Read as `read_frames` does, and apply the display matrix of the file if `upright`.

    Raises:
        DamagedVideoError: As `read_planned`.
    """
    matrix = display_matrix(path) if upright else STORED
    return apply_matrix(read_frames(path, indices), matrix)


def read_indexed(
    path: File, indices: Sequence[int], table: PacketTable, *, upright: bool = False
) -> UInt8[Tensor, "F H W 3"]:
    """Read by plan from a packet table, without opening the container.

    Args:
        path: A local file, whose hash the owner of the table has compared.
        indices: Frames to return, increasing, in the order of presentation.
        table: Packet table of the file, from `build_index`.
        upright: Apply the display matrix of the file.

    Raises:
        DamagedVideoError: As `read_frames`, which reads files that do not decode as planned.
    """
    try:
        frames = _decode_indexed(path, indices, table)
    except (*_FALLBACK_ERRORS, av.FFmpegError, OSError):
        frames = read_frames(path, indices)
    return apply_matrix(frames, table.matrix) if upright else frames


def build_index(path: File) -> PacketTable | None:
    """Return the packet table of a file for `read_indexed`; None if it is not plain.

    Decodes the file once in order, to verify that its frames follow its time stamps.

    Raises:
        DamagedVideoError: If it is not a readable video, or its display matrix is refused.
    """
    with open_video(path) as (container, stream):
        try:
            packets = _read_packets(container, stream)
            table = packet_index.build_table(container, stream, packets)
        except NotPlainError:
            return None
        stamps = [
            stamp for packet in [*packets, None] for stamp in _frame_stamps(path, stream, packet)
        ]
    if stamps != sorted(table.pts):
        return None
    return replace(table, matrix=display_matrix(path))


def _frame_stamps(path: File, stream: av.VideoStream, packet: Packet | None) -> list[int | None]:
    frames = stream.codec_context.decode(packet)
    if any(frame.is_corrupt for frame in frames):
        raise DamagedVideoError(f"{path}: a frame is corrupt")
    return [frame.pts for frame in frames]


def _read_packets(container: av.container.InputContainer, stream: av.VideoStream) -> list[Packet]:
    """Read all packets of a stream, after checking that its headers allow a plan."""
    packet_index.check_kind(container, stream)
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return [packet for packet in container.demux(stream) if packet.size]


def _decode_file(
    path: File, indices: Sequence[int]
) -> tuple[UInt8[Tensor, "F H W 3"], PacketTable]:
    with open_video(path) as (container, stream):
        packets = _read_packets(container, stream)
        table = packet_index.build_table(container, stream, packets)
        return _decode_planned(
            path, stream.codec_context, table, indices, lambda _: packets.__getitem__
        ), table


def _decode_indexed(
    path: File, indices: Sequence[int], table: PacketTable
) -> UInt8[Tensor, "F H W 3"]:
    context = av.CodecContext.create("h264", "r")
    context.extradata = table.header
    context.color_range, context.color_primaries, context.color_trc, context.colorspace = (
        table.colour
    )
    prepare_decoder(context)
    with gate.open_file(path) as file:
        start, size = gate.place_in(path, file)
        if size != table.file_bytes:
            raise NotPlainError("the size of the file differs from its packet table")
        return _decode_planned(
            path, context, table, indices, partial(PacketReader, file.fileno(), table, start)
        )


def _decode_planned(
    path: File,
    context: av.VideoCodecContext,
    table: PacketTable,
    indices: Sequence[int],
    read_runs: Callable[[list[list[int]]], Callable[[int], Packet]],
) -> UInt8[Tensor, "F H W 3"]:
    """Decode by plan and match frames by time stamp.

    Args:
        path: Of the file, for messages.
        context: A decoder of its header.
        table: Its packets.
        indices: Frames to return.
        read_runs: Gives the packets of the runs that it is called with, in their order.

    Raises:
        NotPlainError: If a frame is missing or differs from the plan.
    """
    display_order = sorted(range(len(table.pts)), key=table.pts.__getitem__)
    if not indices or min(indices) < 0 or max(indices) >= len(display_order):
        raise NotPlainError("request is empty or beyond the last frame")
    numbers = {display_order[frame] for frame in indices}
    stamps = {table.pts[number] for number in numbers}
    reformatter = VideoReformatter()
    runs = packet_index.packet_runs(table, numbers)
    pictures = (
        to_picture(frame, reformatter)
        for frame in _decode_runs(context, runs, read_runs(runs))
        if frame.pts in stamps
    )
    frames = stack_pictures(path, pictures, len(stamps))
    if len(frames) != len(stamps):
        raise NotPlainError("frames are missing")
    return frames


def _decode_runs(
    context: av.VideoCodecContext, runs: list[list[int]], packet: Callable[[int], Packet]
) -> Iterator[av.VideoFrame]:
    """Decode run by run; each starts at an IDR picture and needs no earlier frame."""
    last_stamp = None
    for run in runs:
        for number in [*run, None]:
            for frame in context.decode(None if number is None else packet(number)):
                is_late = last_stamp is not None and (frame.pts is None or frame.pts <= last_stamp)
                if is_late or frame.is_corrupt or frame.interlaced_frame:
                    raise NotPlainError("a frame is late, corrupt or interlaced")
                last_stamp = frame.pts
                yield frame
        context.flush_buffers()
