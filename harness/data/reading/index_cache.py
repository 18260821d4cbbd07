"""Packet tables of the files that a process has read, so that it opens no container twice."""

from pathlib import Path

from harness.data.reading import packet_index
from harness.data.reading.packet_index import PacketTable

Stamp = tuple[int, int]


class ByteBudget:
    """Bytes that may still be kept.

    Args:
        left: How many.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, size: int) -> bool:
        """Take some bytes, if there are as many."""
        if size > self.left:
            return False
        self.left -= size
        return True


class PacketTableCache:
    """Tables by file, packed; a file that was changed since has none.

    Args:
        room: What is there to keep them in; once it is full, none is added.
    """

    def __init__(self, room: ByteBudget) -> None:
        self.room = room
        self.kept: dict[Path, tuple[Stamp, bytes]] = {}

    def find(self, path: Path) -> PacketTable | None:
        """Return the table of a file."""
        stamp, packed = self.kept.get(path, (None, b""))
        return packet_index.unpack(packed) if stamp and stamp == _stamp(path) else None

    def keep(self, path: Path, table: PacketTable) -> None:
        """Remember a table, if there is room."""
        stamp = _stamp(path)
        packed = packet_index.pack(table)
        if stamp and (path in self.kept or self.room.take(len(packed))):
            self.kept[path] = stamp, packed


def _stamp(path: Path) -> Stamp | None:
    """Return bytes and time of the last change; None for a file that is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
