"""Journal and list of training copies: of what each was made, and what came of it."""

import base64
import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av

from harness.data.prepare.copies.reencode import EncodeSettings
from harness.utils import atomic
from harness.utils.journal import Journal
from harness.utils.json_file import schema

JOURNAL, PASSPORT = "copies.jsonl", "copies.json"
_SHOWN = 500  # characters of other settings


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The copy of one video, or the reason for its absence.

    Attributes:
        id: Id of the video.
        source_sha256: Hash of the source, from its passport.
        sha256: Hash of the copy; empty without a copy.
        bytes: Size of the copy.
        damage: Error in the source; empty if it was copied.
        packets: Its entry of the packet index, in base64; only on its way to the journal.
    """

    id: str
    source_sha256: str
    sha256: str = ""
    bytes: int = 0
    damage: str = ""
    packets: str | None = None


@contextlib.contextmanager
def open_journal(
    folder: Path, settings: EncodeSettings
) -> Iterator[tuple[dict[str, Copy], Callable[[Copy], None]]]:
    """Yield the copies of earlier runs, and a function that adds one.

    Raises:
        ValueError: If those runs had other settings.
    """
    header = _header(settings)
    with Journal(folder / JOURNAL) as journal:
        rows = list(journal.rows(_check))
        if not rows:
            journal.append(header)
        elif rows[0] != header:
            shown = str(rows[0])[:_SHOWN]
            raise ValueError(f"{folder} holds copies made otherwise ({shown}); name another folder")
        done = {row["id"]: Copy(**row | {"packets": None}) for row in rows[1:] if "id" in row}
        yield done, lambda copy: journal.append(asdict(copy))


def packed_entries(folder: Path, copies: Iterable[Copy]) -> dict[str, bytes]:
    """Return the entries of the packet index that the journal holds, by the hash of their copy."""
    wanted = {copy.sha256 for copy in copies if copy.sha256}
    entries: dict[str, bytes] = {}
    with Journal(folder / JOURNAL) as journal:
        for row in journal.rows(_check):
            if row.get("sha256") in wanted and row.get("packets"):
                with contextlib.suppress(ValueError):
                    entries[row["sha256"]] = base64.b64decode(row["packets"])
    return entries


def _check(row: dict[str, Any]) -> None:
    """Check a row: the first is a header, which is compared as a whole."""
    if "settings" not in row:
        schema.check(row, "copied_video")


def _header(settings: EncodeSettings) -> dict[str, Any]:
    options = asdict(settings) | {"options": settings.options()}
    return {"settings": options, "av": av.__version__, "ffmpeg": av.ffmpeg_version_info}


def write_list(folder: Path, copies: list[Copy], settings: EncodeSettings) -> None:
    """Write the list of all copies of a folder."""
    rows = [asdict(copy) for copy in copies]
    for row in rows:
        del row["packets"]
    body = _header(settings) | {"copies": rows}
    atomic.write_atomic(folder / PASSPORT, json.dumps(body, indent=0).encode())
