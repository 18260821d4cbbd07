"""A journal of JSON lines: appended to while work goes on, read back to resume."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

from harness.utils import files, json_file
from harness.utils.redaction import hide_known_values

MAX_LINE = 2**20
_SHOWN = 5
_LOG = logging.getLogger(__name__)


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

    def rows(
        self, check: Callable[[dict[str, Any]], None] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows in order, without lines that are cut off or damaged; warn of these.

        Args:
            check: Raises ValueError for a row that was not written by this journal's owner.
        """
        damaged: list[int] = []
        with self.path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), start=1):
                row = _parse(line, check)
                if row is not None:
                    yield row
                elif line.strip():
                    damaged.append(number)
        if damaged:
            _LOG.warning("%s: %s", self.path, _describe(damaged))

    def append(self, row: Mapping[str, Any]) -> None:
        """Append a row, without secrets of the environment."""
        self.file.write(json.dumps(hide_known_values(row)).encode() + b"\n")


def _parse(line: bytes, check: Callable[[dict[str, Any]], None] | None) -> dict[str, Any] | None:
    try:
        row = json_file.loads(line, any_text=True)
        if isinstance(row, dict):
            if check is not None:
                check(row)
            return row
    except ValueError:
        pass
    return None


def _describe(damaged: Sequence[int]) -> str:
    """Return a sentence on damaged lines, of which the first are named."""
    numbers = ", ".join(map(str, damaged[:_SHOWN])) + (", ..." if damaged[_SHOWN:] else "")
    if len(damaged) == 1:
        return f"1 damaged line is skipped, and what it held is done again: line {numbers}"
    lines = f"{len(damaged):,} damaged lines are skipped"
    return f"{lines}, and what they held is done again: lines {numbers}"
