"""Check of every video of a data set, in parallel and resumable.

Every result is appended to `journal.jsonl` at once. A check that was stopped resumes from there: a
file is read again only if its size or modification time changed, or the rules did.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.data import passport
from harness.data.prepare.probe import DECODER
from harness.data.prepare.probe_pool import ProbeSettings, probe_all
from harness.data.prepare.video_facts import USABLE, Facts, Verdict
from harness.data.reading import packet_file
from harness.data.reading.packet_file import READER
from harness.data.video import Video
from harness.utils.journal import Journal
from harness.utils.json_file import schema

JOURNAL = "journal.jsonl"
ProgressCallback = Callable[[int, int, Facts | None], None]
Stamp = tuple[int, int] | None
_PROCESS_FAILURES: tuple[Verdict, ...] = ("hung", "out of memory", "crashed")
_RETRY_VERDICTS: tuple[Verdict, ...] = ("damaged", *_PROCESS_FAILURES)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedVideo:
    """A listed video, its split, the facts that a check found, and its stamp."""

    split: str
    video: Video
    facts: Facts
    stamp: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """A row of the journal: facts of a file, its stamp, the number of tries, and the limits set."""

    facts: Facts
    stamp: Stamp
    tries: int
    given: tuple[float, int]  # seconds and megabytes


def check_videos(
    splits: Mapping[str, Sequence[Video]],
    root: Path,
    out: Path,
    settings: ProbeSettings,
    *,
    progress: ProgressCallback,
) -> list[CheckedVideo]:
    """Check videos, each file at most once.

    A file that looks damaged, or whose reader was killed, is tried again alone, without a limit on
    address space: memory pressure makes intact files look damaged.

    Args:
        splits: The videos; a file may be listed twice.
        root: Folder that must hold them.
        out: Folder of the journal.
        settings: Processes and limits.
        progress: Called with the number of videos done, the total, and the facts of the last one;
            None for the videos that the journal already holds.
    """
    entries = [(split, video) for split, videos in splits.items() for video in videos]
    stamps = {video.path: _stamp(video.path) for _, video in entries}
    with Journal(out / JOURNAL) as file:
        journal = _CheckJournal(file, root, settings)
        pending = [path for path, stamp in stamps.items() if not journal.is_current(path, stamp)]
        progress(len(stamps) - len(pending), len(stamps), None)
        for done, (path, facts) in enumerate(probe_all(pending, root, settings), start=1):
            journal.add(path, stamps[path], facts, tries=1)
            progress(len(stamps) - len(pending) + done, len(stamps), facts)
        retries = [path for path in stamps if journal.needs_retry(path)]
        for done, (path, facts) in enumerate(
            probe_all(retries, root, settings, alone=True), start=1
        ):
            journal.add(path, stamps[path], _merge_tries(journal.facts(path), facts), tries=2)
            progress(len(stamps) - len(retries) + done, len(stamps), facts)
        return [
            CheckedVideo(
                split=split,
                video=video,
                facts=_compare_hash(video, journal),
                stamp=stamps[video.path],
            )
            for split, video in entries
        ]


def _stamp(path: Path) -> Stamp:
    try:
        return passport.file_stamp(path)
    except (OSError, ValueError):
        return None


def _merge_tries(first: Facts, second: Facts) -> Facts:
    """Return the facts of the second try, with the verdict of the first one if it differs."""
    if first.verdict == second.verdict:
        return second
    note = f"first try, in parallel: {first.verdict}, {first.reason}"
    return replace(second, reason="; ".join(filter(None, (second.reason, note))))


def _compare_hash(video: Video, journal: "_CheckJournal") -> Facts:
    facts = journal.facts(video.path)
    if video.sha256 and facts.sha256 and video.sha256 != facts.sha256:
        reason = "; ".join(
            filter(None, ("content differs from the hash in the list", facts.reason))
        )
        return replace(facts, verdict="changed", reason=reason)
    return facts


class _CheckJournal:
    """Facts of each file, on disk before they count."""

    def __init__(self, journal: Journal, root: Path, settings: ProbeSettings) -> None:
        self.journal = journal
        self.root = root
        self.given = (settings.seconds, settings.memory_mb)
        self.rules = _rules(root, settings)
        self.entries: dict[Path, _Entry] = {}
        for row in _rows(journal, self.rules):
            self.entries[root / row["path"]] = _entry(row)

    def facts(self, path: Path) -> Facts:
        return self.entries[path].facts

    def is_current(self, path: Path, stamp: Stamp) -> bool:
        """Return whether the journal has current facts of a file."""
        entry = self.entries.get(path)
        if entry is None or entry.stamp != stamp:
            return False
        return entry.facts.verdict not in _PROCESS_FAILURES or entry.given == self.given

    def needs_retry(self, path: Path) -> bool:
        """Return whether a file needs a second try."""
        entry = self.entries[path]
        return entry.tries == 1 and entry.facts.verdict in _RETRY_VERDICTS

    def add(self, path: Path, stamp: Stamp, facts: Facts, *, tries: int) -> None:
        packets, known = facts.packets, replace(facts, packets=None)
        entry = _Entry(facts=known, stamp=stamp, tries=tries, given=self.given)
        self.entries[path] = entry
        name = os.path.relpath(path, self.root)
        row = {"path": name, "rules": self.rules} | asdict(entry)
        del row["facts"]["packets"]
        self.journal.append(row | {"packets": packets})


def write_index(
    out: Path, digest: str, checked: Sequence[CheckedVideo], root: Path, settings: ProbeSettings
) -> list[Path]:
    """Write the packet index of the good files, as the journal holds it.

    Args:
        out: Folder of the journal and of the passport.
        digest: Hash of the passport.
        checked: What was found.
        root: Of the check, with its settings.
        settings: Likewise.

    Returns:
        Its path; nothing if no file has an entry.
    """
    good = {entry.facts.sha256 for entry in checked if entry.facts.verdict in USABLE}
    entries: dict[str, bytes] = {}
    with Journal(out / JOURNAL) as journal:
        for row in _rows(journal, _rules(root, settings)):
            sha256, packets = row["facts"].get("sha256"), row["packets"]
            if sha256 in good and packets is not None:
                with suppress(ValueError):
                    entries[sha256] = base64.b64decode(packets)
    path = out / passport.FILE
    return [packet_file.index_path(path)] if packet_file.write(path, digest, entries) else []


def _rules(root: Path, settings: ProbeSettings) -> str:
    """Return a hash of all that facts and packets depend on besides the file."""
    rules = {"limits": asdict(settings.limits), "av": DECODER, "root": str(root)}
    rules |= {"also": [str(folder) for folder in settings.also], "packets": READER}
    text = json.dumps(rules, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rows(journal: Journal, rules: str) -> Iterator[dict[str, Any]]:
    """Yield the rows under some rules; those under others have the fields of other versions."""

    def check(row: dict[str, Any]) -> None:
        if row.get("rules") == rules:
            schema.check(row, "checked_video")

    return (row for row in journal.rows(check) if row.get("rules") == rules)


def _entry(row: dict[str, Any]) -> _Entry:
    return _Entry(
        facts=Facts(**row["facts"]),
        stamp=None if row["stamp"] is None else (row["stamp"][0], row["stamp"][1]),
        tries=row["tries"],
        given=(row["given"][0], row["given"][1]),
    )
