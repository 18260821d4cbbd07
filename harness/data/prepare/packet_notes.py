"""The entry of a file in the packet index, made while a check decodes the file anyway.

Without torch: processes that check videos start in milliseconds.
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av

from harness.data.reading.container import open_video
from harness.data.reading.display_matrix import Matrix, frame_matrix
from harness.data.reading.packet_index import NotPlainError, Packet, PacketTable, TableBuilder
from harness.data.reading.packet_packing import Entry

_MAX_BYTES = 500_000  # so that a line of the journal holds it; more than an hour of video


def read_entry(path: Path) -> str | None:
    """Return the entry of a file, as `PacketNotes` does, which is decoded for it.

    Raises:
        DamagedVideoError: If it is not a readable video.
    """
    stamps: list[int | None] = []
    matrix: Matrix | None = None
    with open_video(path) as (container, stream):
        notes = PacketNotes(container, stream)
        for packet in notes.watched(container, stream):
            for frame in packet.decode():
                matrix = matrix if stamps else frame_matrix(frame)
                stamps.append(frame.pts)
    return None if matrix is None else notes.entry(stamps, matrix)


class PacketNotes:
    """The packets of a file.

    Args:
        container: The open file.
        stream: Its video stream, of which nothing has been decoded.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._size = (stream.codec_context.width, stream.codec_context.height)
        self._builder: TableBuilder | None = None
        with suppress(NotPlainError):
            self._builder = TableBuilder(container, stream)

    def watched(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[Packet]:
        """Yield the packets of the file, and note each."""
        for packet in container.demux(stream):
            if packet.size and self._builder is not None:
                self._note(self._builder, packet)
            yield packet

    def entry(self, stamps: Sequence[int | None], matrix: Matrix) -> str | None:
        """Return the entry of the file, in base64.

        Args:
            stamps: Time stamps of the decoded frames.
            matrix: Display matrix of the file.

        Returns:
            None if its frames do not follow the time stamps of its packets, or if it is too long:
            then readers look for themselves.
        """
        table = self._table()
        if table is not None and list(stamps) != sorted(table.pts):
            return None
        turned = None if table is None else replace(table, matrix=matrix)
        try:
            packed = Entry(*self._size, turned).pack()
        except ValueError:
            return None
        return base64.b64encode(packed).decode() if len(packed) <= _MAX_BYTES else None

    def _table(self) -> PacketTable | None:
        with suppress(NotPlainError):
            return self._builder.table() if self._builder is not None else None
        return None

    def _note(self, builder: TableBuilder, packet: Packet) -> None:
        try:
            builder.add(packet)
        except NotPlainError:
            self._builder = None
