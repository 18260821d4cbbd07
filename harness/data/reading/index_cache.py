"""Cache of packet tables, so that a process opens every container once."""

from harness.data.reading import packet_packing
from harness.data.reading.packet_index import PacketTable
from harness.data.video import File

Stamp = tuple[int, int]


class ByteBudget:
    """A budget of bytes.

    Args:
        left: Bytes available.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, size: int) -> bool:
        """Take bytes from the budget, if enough are left; return whether they were taken."""
        if size > self.left:
            return False
        self.left -= size
        return True


class PacketTableCache:
    """Packed packet tables by file; a table expires when its file changes.

    Args:
        budget: Bytes for the tables; once it is spent, none is added.
    """

    def __init__(self, budget: ByteBudget) -> None:
        self.budget = budget
        self.entries: dict[File, tuple[Stamp, bytes]] = {}

    def get(self, path: File) -> PacketTable | None:
        """Return the table of a file; None if it is not cached."""
        stamp, packed = self.entries.get(path, (None, b""))
        return packet_packing.unpack(packed) if stamp and stamp == _stamp(path) else None

    def put(self, path: File, table: PacketTable) -> None:
        """Add a table, if the budget allows it."""
        stamp = _stamp(path)
        packed = packet_packing.pack(table)
        if stamp and (path in self.entries or self.budget.take(len(packed))):
            self.entries[path] = stamp, packed


def _stamp(path: File) -> Stamp | None:
    """Return the size and the modification time; None if the file does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
