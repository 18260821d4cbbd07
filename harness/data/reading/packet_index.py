"""Packet tables for planned reading: the packets of a file, and those that it can skip.

A file is *plain* if all of this holds; any other file is read in order:

1. It is H.264 in mp4, progressive, with its parameter sets in the container and nowhere else.
2. Every packet has a time stamp of its own and one picture; none is hidden by an edit list or
   flagged corrupt, and none brings a new header.
3. The container's key frames are the IDR pictures, and the first packet is one. In a file with an
   open group of pictures or intra refresh, a key frame may need earlier packets.
4. Groups do not mix: packets before an IDR picture are displayed before it, later ones after it.
5. Time stamps depart from the order of packets if and only if the decoder expects that.

In a plain file a picture needs earlier references of its own group and nothing else: no picture
refers to one whose `nal_ref_idc` is 0, nor past an IDR picture (ITU-T H.264, 7.4.1). Frame i is
the packet with the i-th time stamp; no time is computed from a frame rate.
"""

import bisect
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av

from harness.data.reading.display_matrix import STORED, Matrix

if TYPE_CHECKING:
    Packet = av.Packet[Any]
else:
    Packet = av.Packet  # generic for the type checker alone
_MP4_HEADER = 1
_PROGRESSIVE = 1
_SLICES = {1, 5}
_IDR = 5
_WITHOUT_PICTURE = {6, 9, 12}  # SEI, delimiters and filler; any other type is not plain


class NotPlainError(Exception):
    """A file or a request that must be read in order."""


@dataclass(frozen=True, kw_only=True)
class PacketTable:
    """The packets of a plain file, in the order of decoding.

    Attributes:
        header: The decoder's header (avcC).
        colour: Range, primaries, transfer and matrix, from the container.
        matrix: a, b, c, d of its display matrix.
        file_bytes: Size of the file.
        pts: Time stamps.
        positions: First byte of each packet in the file.
        sizes: Bytes of each packet.
        idr: Packets at which decoding can start.
        disposable: Packets that no other picture needs.
    """

    header: bytes
    colour: tuple[int, int, int, int]
    matrix: Matrix
    file_bytes: int
    pts: tuple[int, ...]
    positions: tuple[int, ...]
    sizes: tuple[int, ...]
    idr: tuple[int, ...]
    disposable: frozenset[int]


class TableBuilder:
    """The packet table of a plain file, packet by packet.

    Args:
        container: The open file.
        stream: Its video stream, of which nothing has been decoded.

    Raises:
        NotPlainError: If the headers say that the file is not plain.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        check_kind(container, stream)
        context = stream.codec_context
        self._header = bytes(context.extradata or b"")
        self._colour = (
            int(context.color_range),
            int(context.color_primaries),
            int(context.color_trc),
            int(context.colorspace),
        )
        self._is_reordered = context.reorder_depth > 0
        self._file_bytes = container.size
        self._places: list[tuple[int, int, int]] = []  # time stamp, first byte, bytes
        self._idr: list[int] = []
        self._disposable: set[int] = set()
        self._key_frames: list[int] = []

    def add(self, packet: Packet) -> None:
        """Add the next packet.

        Raises:
            NotPlainError: If no plain file has it.
        """
        index = len(self._places)
        is_reference, is_idr = _parse_packet(packet, _length_bytes(self._header))
        self._places.append((_required(packet.pts), _required(packet.pos), packet.size))
        if is_idr:
            self._idr.append(index)
        if not is_reference:
            self._disposable.add(index)
        if packet.is_keyframe:
            self._key_frames.append(index)

    def table(self) -> PacketTable:
        """Return the table, with the matrix of pictures that are shown as they are stored.

        Raises:
            NotPlainError: If the file is not plain, with the reason.
        """
        pts, positions, sizes = zip(*self._places, strict=True) if self._places else ((), (), ())
        table = PacketTable(
            header=self._header,
            colour=self._colour,
            matrix=STORED,
            file_bytes=self._file_bytes,
            pts=pts,
            positions=positions,
            sizes=sizes,
            idr=tuple(self._idr),
            disposable=frozenset(self._disposable),
        )
        _check_groups(table, self._key_frames, is_reordered=self._is_reordered)
        return table


def build_table(
    container: av.container.InputContainer, stream: av.VideoStream, packets: Sequence[Packet]
) -> PacketTable:
    """Build the packet table of a plain file.

    Args:
        container: The open file.
        stream: Its video stream.
        packets: All packets of the stream.

    Raises:
        NotPlainError: If the file is not plain, with the reason.
    """
    builder = TableBuilder(container, stream)
    for packet in packets:
        builder.add(packet)
    return builder.table()


def check_kind(container: av.container.InputContainer, stream: av.VideoStream) -> None:
    """Check the headers alone.

    Raises:
        NotPlainError: If the file is not progressive H.264 in mp4.
    """
    context = stream.codec_context
    header = context.extradata or b""
    if "mp4" not in container.format.name or context.name != "h264":
        raise NotPlainError("not H.264 in mp4")
    if len(header) < 7 or header[0] != _MP4_HEADER:
        raise NotPlainError("parameter sets are not in the container")
    if context.field_order != _PROGRESSIVE:
        raise NotPlainError("interlaced")


def packet_runs(table: PacketTable, requested: Collection[int]) -> list[list[int]]:
    """Return the packets to decode, for each group from its IDR picture to the last requested one.

    Args:
        table: Packet table of the file.
        requested: Packets of the requested pictures.
    """
    last: dict[int, int] = {}
    for packet in sorted(requested):
        last[table.idr[bisect.bisect_right(table.idr, packet) - 1]] = packet
    skippable = table.disposable.difference(requested)
    return [[i for i in range(start, end + 1) if i not in skippable] for start, end in last.items()]


def _length_bytes(header: bytes) -> int:
    """Return the number of bytes of a length field before a NAL unit."""
    return (header[4] & 3) + 1


def _required(value: int | None) -> int:
    if value is None:
        raise NotPlainError("a packet has no time stamp or no position")
    return value


def _parse_packet(packet: Packet, length_bytes: int) -> tuple[bool, bool]:
    """Return whether the picture of a packet is a reference, and whether it is an IDR picture."""
    if packet.is_corrupt or packet.is_discard or packet.has_sidedata("new_extradata"):
        raise NotPlainError("a packet is hidden, corrupt, or carries a new header")
    data = memoryview(packet)
    offset = pictures = 0
    reference = idr = False
    while offset < len(data):
        start = offset + length_bytes
        if start + 1 >= len(data):
            raise NotPlainError("a packet is cut off")
        unit_type = data[start] & 31
        if unit_type in _SLICES:
            pictures += data[start + 1] >> 7  # a slice that begins a picture has its first bit set
            reference = reference or bool(data[start] & 0x60)
            idr = idr or unit_type == _IDR
        elif unit_type not in _WITHOUT_PICTURE:
            raise NotPlainError(f"a packet holds a NAL unit of type {unit_type}")
        offset = start + int.from_bytes(data[offset:start], "big")
    if pictures != 1 or offset != len(data):
        raise NotPlainError(f"a packet holds {pictures} pictures, or is cut off")
    return reference, idr


def _check_groups(table: PacketTable, key_frames: list[int], *, is_reordered: bool) -> None:
    """Check the rules for several packets: 2 to 5."""
    pts = table.pts
    if len(set(pts)) != len(pts):
        raise NotPlainError("a time stamp occurs twice")
    if not table.idr or table.idr[0] != 0 or list(table.idr) != key_frames:
        raise NotPlainError("key frames are not the IDR pictures")
    latest = list(itertools.accumulate(pts, max))
    earliest = list(itertools.accumulate(reversed(pts), min))[::-1]
    if any(pts[i] != earliest[i] or (i and latest[i - 1] >= pts[i]) for i in table.idr):
        raise NotPlainError("groups of pictures mix in time")
    if (latest != list(pts)) != is_reordered:
        raise NotPlainError("time stamps do not fit the decoder's order")
