"""What planned reading knows of a file before it decodes: its packets, and which it can leave out.

A file is *plain* when all of this holds; what is not plain is read in order:

1. It is H.264 in mp4, progressive, with its parameter sets in the container and nowhere else.
2. Every packet has a time stamp of its own and one picture; none is hidden by an edit list or
   flagged corrupt, and none brings a new header.
3. The container's key frames are the IDR pictures, and the first packet is one. In a file with an
   open group of pictures or intra refresh, a key frame may need what stands before it.
4. Groups do not mix: all before an IDR picture is shown before it, all after it later.
5. Time stamps leave the order of packets if and only if the decoder expects that.

In a plain file a picture needs earlier references of its own group and nothing else: no picture
refers to one whose `nal_ref_idc` is 0, nor past an IDR picture (ITU-T H.264, 7.4.1). Frame i is
the packet with the i-th time stamp; no time is computed from a frame rate.
"""

import base64
import bisect
import itertools
import json
import operator
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
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
_WITHOUT_PICTURE = {6, 9, 12}  # remarks, delimiters and filling; anything else is not plain


class NotPlainError(Exception):
    """A file, or a request, that has to be read in order."""


@dataclass(frozen=True, kw_only=True)
class PacketTable:
    """The packets of a plain file, in the order of decoding.

    Attributes:
        header: The decoder's header (avcC).
        colour: Range, primaries, transfer and matrix, as the container says them.
        matrix: a, b, c, d of its display matrix.
        file_bytes: Size of the file.
        pts: Time stamps.
        positions: First byte of each packet in the file.
        sizes: Bytes of each packet.
        idr: Packets that decoding can start at.
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


def build_table(
    container: av.container.InputContainer, stream: av.VideoStream, packets: Sequence[Packet]
) -> PacketTable:
    """Describe the packets of a plain file.

    Args:
        container: The open file.
        stream: Its video.
        packets: All of that stream.

    Raises:
        NotPlainError: If the file is not plain; says why.
    """
    context = stream.codec_context
    pictures = [_parse_packet(packet, _length_bytes(context)) for packet in packets]
    made = PacketTable(
        header=bytes(context.extradata or b""),
        colour=(
            int(context.color_range),
            int(context.color_primaries),
            int(context.color_trc),
            int(context.colorspace),
        ),
        matrix=STORED,
        file_bytes=container.size,
        pts=tuple(_required(packet.pts) for packet in packets),
        positions=tuple(_required(packet.pos) for packet in packets),
        sizes=tuple(packet.size for packet in packets),
        idr=tuple(index for index, (_, idr) in enumerate(pictures) if idr),
        disposable=frozenset(i for i, (reference, _) in enumerate(pictures) if not reference),
    )
    _check_groups(
        made, [index for index, packet in enumerate(packets) if packet.is_keyframe], context
    )
    return made


def check_kind(container: av.container.InputContainer, stream: av.VideoStream) -> None:
    """Look at the headers alone.

    Raises:
        NotPlainError: If this is not progressive H.264 in mp4.
    """
    context = stream.codec_context
    header = context.extradata or b""
    if "mp4" not in container.format.name or context.name != "h264":
        raise NotPlainError("not H.264 in mp4")
    if len(header) < 7 or header[0] != _MP4_HEADER:
        raise NotPlainError("parameter sets are not in the container")
    if context.field_order != _PROGRESSIVE:
        raise NotPlainError("interlaced")


def packet_runs(known: PacketTable, wanted: Collection[int]) -> list[list[int]]:
    """List the packets to decode, group by group, each from its IDR picture to the last wanted.

    Args:
        known: The file.
        wanted: Packets whose pictures are wanted.
    """
    last: dict[int, int] = {}
    for packet in sorted(wanted):
        last[known.idr[bisect.bisect_right(known.idr, packet) - 1]] = packet
    needless = known.disposable.difference(wanted)
    return [[i for i in range(start, end + 1) if i not in needless] for start, end in last.items()]


def pack(known: PacketTable) -> bytes:
    """Write a table as about a kilobyte for ten seconds of video."""
    body = asdict(known) | {
        "header": base64.b64encode(known.header).decode(),
        "pts": _differences(known.pts),
        "positions": [
            at - end for at, end in zip(known.positions, _packet_ends(known), strict=False)
        ],
        "disposable": sorted(known.disposable),
    }
    return zlib.compress(json.dumps(body, separators=(",", ":")).encode())


def unpack(content: bytes) -> PacketTable:
    """Read what `packed` wrote."""
    body = json.loads(zlib.decompress(content))
    return PacketTable(
        header=base64.b64decode(body["header"]),
        colour=tuple(body["colour"]),
        matrix=tuple(body["matrix"]),
        file_bytes=body["file_bytes"],
        pts=tuple(itertools.accumulate(body["pts"])),
        positions=_packet_positions(body["positions"], body["sizes"]),
        sizes=tuple(body["sizes"]),
        idr=tuple(body["idr"]),
        disposable=frozenset(body["disposable"]),
    )


def _packet_ends(known: PacketTable) -> Iterator[int]:
    """Yield where the packet before each one ends; 0 before the first."""
    yield 0
    yield from map(operator.add, known.positions, known.sizes)


def _packet_positions(gaps: list[int], sizes: list[int]) -> tuple[int, ...]:
    before = itertools.accumulate(sizes, initial=0)
    return tuple(map(operator.add, itertools.accumulate(gaps), before))


def _differences(values: tuple[int, ...]) -> list[int]:
    return [new - old for old, new in itertools.pairwise((0, *values))]


def _length_bytes(context: av.VideoCodecContext) -> int:
    """Return how many bytes say the length of a unit."""
    return ((context.extradata or b"")[4] & 3) + 1


def _required(value: int | None) -> int:
    if value is None:
        raise NotPlainError("a packet lacks its time stamp or its place")
    return value


def _parse_packet(packet: Packet, length_bytes: int) -> tuple[bool, bool]:
    """Say whether the picture of a packet is a reference, and whether it is an IDR picture."""
    if packet.is_corrupt or packet.is_discard or packet.has_sidedata("new_extradata"):
        raise NotPlainError("a packet is hidden, corrupt, or brings a new header")
    data = memoryview(packet)
    at = pictures = 0
    reference = idr = False
    while at < len(data):
        start = at + length_bytes
        kind = data[start] & 31
        if kind in _SLICES:
            pictures += data[start + 1] >> 7  # a slice that begins a picture has its first bit set
            reference = reference or bool(data[start] & 0x60)
            idr = idr or kind == _IDR
        elif kind not in _WITHOUT_PICTURE:
            raise NotPlainError(f"a packet holds a unit of type {kind}")
        at = start + int.from_bytes(data[at:start], "big")
    if pictures != 1 or at != len(data):
        raise NotPlainError(f"a packet holds {pictures} pictures, or is cut")
    return reference, idr


def _check_groups(made: PacketTable, keys: list[int], context: av.VideoCodecContext) -> None:
    """Hold what concerns several packets: rules 2 to 5."""
    pts = made.pts
    if len(set(pts)) != len(pts):
        raise NotPlainError("a time stamp occurs twice")
    if not made.idr or made.idr[0] != 0 or list(made.idr) != keys:
        raise NotPlainError("key frames are not the IDR pictures")
    latest = list(itertools.accumulate(pts, max))
    earliest = list(itertools.accumulate(reversed(pts), min))[::-1]
    if any(pts[i] != earliest[i] or (i and latest[i - 1] >= pts[i]) for i in made.idr):
        raise NotPlainError("groups of pictures mix in time")
    if (latest != list(pts)) != (context.reorder_depth > 0):
        raise NotPlainError("time stamps do not fit the decoder's order")
