"""Packets of a file by their table: neighbours are read together."""

import os
from collections.abc import Iterator, Sequence

from harness.data.reading.packet_index import NotPlainError, Packet, PacketTable

_GAP = 4096  # bytes between two packets that cost less than another read, as of a page
_MAX_BYTES = 2**20


class PacketReader:
    """Packets of an open file, in the order of some runs.

    Args:
        descriptor: Of the file.
        table: Packet table of the video.
        first: First byte of the video in the file.
        runs: Packets that are to be asked for, run by run.
    """

    def __init__(
        self, descriptor: int, table: PacketTable, first: int, runs: Sequence[Sequence[int]]
    ) -> None:
        self._descriptor = descriptor
        self._table = table
        self._first = first
        self._ranges = self._planned(runs)
        self._start, self._content = 0, b""

    def __call__(self, number: int) -> Packet:
        """Return the next packet of the runs.

        Raises:
            NotPlainError: If the file ends before it does.
        """
        place, size = self._table.positions[number], self._table.sizes[number]
        if not self._holds(place, size):
            self._start, end = next(self._ranges, (0, 0))
            self._content = os.pread(self._descriptor, end - self._start, self._first + self._start)
        if not self._holds(place, size):
            raise NotPlainError("the packets lie elsewhere than their table says")
        first = place - self._start
        packet = Packet(self._content[first : first + size])
        packet.pts = self._table.pts[number]
        return packet

    def _holds(self, place: int, size: int) -> bool:
        return self._start <= place and place + size <= self._start + len(self._content)

    def _planned(self, runs: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
        """Yield the first byte and the end of each range to read."""
        start = end = -1
        for number in (number for run in runs for number in run):
            place = self._table.positions[number]
            is_next = 0 <= end <= place <= end + _GAP and place - start < _MAX_BYTES
            if not is_next:
                if end >= 0:
                    yield start, end
                start = place
            end = place + self._table.sizes[number]
        yield start, end
