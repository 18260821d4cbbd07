"""Entries of the packet index as bytes, which somebody else may have written.

About a kilobyte for ten seconds of video. After the size of the pictures, a compressed body: sizes,
colour and matrix, the header, and for every packet the distance of its time stamp from that of the
packet before, the bytes between the two, its size and its flags.
"""

import struct
import zlib
from typing import NamedTuple

import numpy as np

from harness.data.gate import LIMITS
from harness.data.reading.packet_index import PacketTable

_FACTS = struct.Struct("<q4h4hHI")
_SIZE = struct.Struct("<2I")
_PACKET_BYTES = 25  # three numbers of eight bytes, and flags
_IDR, _DISPOSABLE = 1, 2
_MAX_HEADER = 2**16 - 1
_MAX_COLOUR = 255
_MAX_BYTES = _FACTS.size + _MAX_HEADER + LIMITS.max_frames * _PACKET_BYTES


class Entry(NamedTuple):
    """An entry of the index: size and packets of a file.

    Attributes:
        width: Of its pictures as stored, in pixels.
        height: Likewise.
        table: Its packet table; None for a file that is not plain, and is read in order.
    """

    width: int
    height: int
    table: PacketTable | None

    @property
    def picture_bytes(self) -> int:
        """Return the bytes of a decoded frame."""
        return 3 * self.width * self.height

    def pack(self) -> bytes:
        """Serialise the entry.

        Raises:
            ValueError: If its table cannot be packed.
        """
        packed = pack(self.table) if self.table is not None else b""
        return _SIZE.pack(self.width, self.height) + packed

    @classmethod
    def unpack(cls, content: bytes) -> "Entry":
        """Deserialise an entry.

        Raises:
            ValueError: If it is none.
        """
        if len(content) < _SIZE.size:
            raise ValueError("an entry is cut off")
        width, height = _SIZE.unpack_from(content)
        packed = content[_SIZE.size :]
        return cls(width, height, unpack(packed) if packed else None)


def pack(table: PacketTable) -> bytes:
    """Serialise a table.

    Raises:
        ValueError: If it is not one that `unpack` takes.
    """
    count = len(table.pts)
    sizes = np.array(table.sizes, np.int64)
    positions = np.array(table.positions, np.int64)
    flags = np.zeros(count, np.uint8)
    flags[list(table.idr)] |= _IDR
    flags[list(table.disposable)] |= _DISPOSABLE
    columns = (
        np.diff(np.array(table.pts, np.int64), prepend=0),
        positions - np.concatenate([[0], (positions + sizes)[:-1]]),
        sizes,
    )
    try:
        facts = _FACTS.pack(
            table.file_bytes, *table.colour, *table.matrix, len(table.header), count
        )
    except struct.error as error:
        raise ValueError(f"a packet table cannot be packed: {error}") from None
    parts = [facts, table.header, *(column.astype("<i8").tobytes() for column in columns)]
    return zlib.compress(b"".join([*parts, flags.tobytes()]))


def unpack(content: bytes) -> PacketTable:
    """Deserialise a table of `pack`.

    Raises:
        ValueError: If it is none, or has packets outside its file.
    """
    body = _decompress(content)
    file_bytes, *numbers, header_bytes, count = _FACTS.unpack_from(body)
    if not 0 < count <= LIMITS.max_frames:
        raise ValueError(f"a packet table has {count} packets")
    start = _FACTS.size + header_bytes
    if len(body) != start + count * _PACKET_BYTES:
        raise ValueError("a packet table is cut off")
    steps, gaps, sizes = np.frombuffer(body, "<i8", 3 * count, start).reshape(3, count)
    flags = np.frombuffer(body, np.uint8, count, start + 3 * 8 * count)
    positions = np.cumsum(gaps) + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    is_inside = (sizes > 0) & (sizes <= file_bytes) & (positions >= 0)
    if not (is_inside & (positions <= file_bytes - sizes)).all() or not flags[0] & _IDR:
        raise ValueError("a packet table has packets outside its file, or no beginning")
    colour, matrix = tuple(numbers[:4]), tuple(numbers[4:])
    if not all(0 <= value <= _MAX_COLOUR for value in colour) or not _is_quarter_turn(matrix):
        raise ValueError("a packet table has an impossible colour or matrix")
    return PacketTable(
        header=body[_FACTS.size : start],
        colour=colour,
        matrix=matrix,
        file_bytes=file_bytes,
        pts=tuple(np.cumsum(steps).tolist()),
        positions=tuple(positions.tolist()),
        sizes=tuple(sizes.tolist()),
        idr=tuple(np.flatnonzero(flags & _IDR).tolist()),
        disposable=frozenset(np.flatnonzero(flags & _DISPOSABLE).tolist()),
    )


def _decompress(content: bytes) -> bytes:
    """Return the body of a packed table, and no more than a table may hold."""
    engine = zlib.decompressobj()
    try:
        body = engine.decompress(content, _MAX_BYTES)
    except zlib.error as error:
        raise ValueError(f"a packet table is damaged: {error}") from None
    if not engine.eof or engine.unused_data or len(body) < _FACTS.size:
        raise ValueError("a packet table is cut off, or too long")
    return body


def _is_quarter_turn(matrix: tuple[int, ...]) -> bool:
    a, b, c, d = matrix
    return (abs(a), abs(b), abs(c), abs(d)) in {(1, 0, 0, 1), (0, 1, 1, 0)}
