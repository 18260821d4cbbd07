"""A journal of JSON lines: appended to while work goes on, read back to resume."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

from harness.utils import files
from harness.utils.redaction import hide_known_values


class Journal:
    """An open journal; a row survives the death of this process once it is appended.

    Args:
        path: The file, created with its folder if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: BinaryIO

    def __enter__(self) -> Self:
        # Unbuffered: a row is one write, and does not wait in this process.
        self.file = files.open_to_append(self.path)
        if self.file.seek(0, os.SEEK_END):
            self.file.seek(-1, os.SEEK_END)
            if self.file.read(1) != b"\n":
                # A row cut off by a crash ends here, so that the next one stays intact.
                self.file.write(b"\n")
        return self

    def __exit__(self, *error: object) -> None:
        os.fsync(self.file.fileno())
        self.file.close()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows in order, without lines that are cut off or damaged."""
        with self.path.open("rb") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    yield row

    def append(self, row: Mapping[str, Any]) -> None:
        """Append a row, without secrets of the environment."""
        self.file.write(json.dumps(hide_known_values(row)).encode() + b"\n")
