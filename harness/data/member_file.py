"""A video file within a shard, as a file to read."""

import io
import os
from io import BufferedReader
from typing import Any

from harness.data.video import Member


class MemberFile(io.RawIOBase):
    """The bytes of a member, from its own first byte on; no byte outside it can be read.

    Args:
        file: The open shard.
        member: Its place.
    """

    def __init__(self, file: BufferedReader, member: Member) -> None:
        self._file = file
        self._member = member
        self._place = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes; none at the end."""
        left = max(self._member.size - self._place, 0)
        content = os.pread(
            self._file.fileno(), min(len(buffer), left), self._member.start + self._place
        )
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a byte of the member."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._member.size}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def tell(self) -> int:
        """Return the place within the member."""
        return self._place
