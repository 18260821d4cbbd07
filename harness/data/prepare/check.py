"""Check every video of a data set once, in parallel, and write down each as soon as it is known.

`journal.jsonl` is appended to and never rewritten. A check that was stopped goes on from it: a file
is read again only if its size or time of change differs, or the rules do.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from harness.data import passport
from harness.data.prepare.probe import DECODER
from harness.data.prepare.probe_pool import Settings, ask_all
from harness.data.prepare.video_facts import Facts, Verdict
from harness.data.video import Video

JOURNAL = "journal.jsonl"
Watch = Callable[[int, int, Facts | None], None]
Stamp = tuple[int, int] | None
_ENDED: tuple[Verdict, ...] = ("hung", "out of memory", "crashed")
_UNSURE: tuple[Verdict, ...] = ("damaged", *_ENDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A video that a data set names in one of its splits, what was found of it, and its stamp."""

    split: str
    video: Video
    facts: Facts
    stamp: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """A line of the journal: what a file is, how it looked from outside, and after which try."""

    facts: Facts
    stamp: Stamp
    tries: int
    given: tuple[float, int]


def run(
    splits: Mapping[str, Sequence[Video]],
    root: Path,
    out: Path,
    settings: Settings,
    *,
    watch: Watch,
) -> list[Checked]:
    """Check videos, each one at most once.

    A file that looks damaged, or whose reader was ended, is tried again alone, without a limit of
    address space: memory pressure makes sound files look damaged.

    Args:
        splits: The videos; one file may stand in them twice.
        root: Folder that they must lie in.
        out: Folder of the journal.
        settings: Processes and limits.
        watch: Called with videos done, videos in all, and what was found, None for those that the
            journal knew already.
    """
    listed = [(split, video) for split, videos in splits.items() for video in videos]
    stamps = {video.path: _stamp(video.path) for _, video in listed}
    with _Journal(out / JOURNAL, root, settings) as journal:
        first = [path for path, stamp in stamps.items() if not journal.knows(path, stamp)]
        watch(len(stamps) - len(first), len(stamps), None)
        for done, (path, facts) in enumerate(ask_all(first, root, settings), start=1):
            journal.add(path, stamps[path], facts, tries=1)
            watch(len(stamps) - len(first) + done, len(stamps), facts)
        again = [path for path in stamps if journal.unsure(path)]
        for done, (path, facts) in enumerate(ask_all(again, root, settings, alone=True), start=1):
            journal.add(path, stamps[path], _decided(journal.facts(path), facts), tries=2)
            watch(len(stamps) - len(again) + done, len(stamps), facts)
        return [
            Checked(
                split=split,
                video=video,
                facts=_compared(video, journal),
                stamp=stamps[video.path],
            )
            for split, video in listed
        ]


def _stamp(path: Path) -> Stamp:
    try:
        return passport.stamp(path)
    except (OSError, ValueError):
        return None


def _decided(first: Facts, second: Facts) -> Facts:
    """Let the second try decide, and say what the first one had said if it was something else."""
    if first.verdict == second.verdict:
        return second
    aside = f"the first try, beside others: {first.verdict}, {first.reason}"
    return replace(second, reason="; ".join(filter(None, (second.reason, aside))))


def _compared(video: Video, journal: "_Journal") -> Facts:
    facts = journal.facts(video.path)
    if video.sha256 and facts.sha256 and video.sha256 != facts.sha256:
        reason = "; ".join(filter(None, ("its content is not what the list says", facts.reason)))
        return replace(facts, verdict="changed", reason=reason)
    return facts


class _Journal:
    """What is known of each file, on disk before it counts."""

    def __init__(self, path: Path, root: Path, settings: Settings) -> None:
        self.path = path
        self.root = root
        self.given = (settings.seconds, settings.memory_mb)
        rules = {"limits": asdict(settings.limits), "av": DECODER, "root": str(root)}
        text = json.dumps(rules, sort_keys=True)
        self.rules = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.entries: dict[Path, _Entry] = {}
        self.file: BinaryIO

    def __enter__(self) -> "_Journal":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_file():
            with self.path.open("rb") as lines:
                self._read(lines)
        # Unbuffered: what one write appends survives the death of this process.
        self.file = self.path.open("ab", buffering=0)
        if self.path.stat().st_size:
            self.file.write(b"\n")
        return self

    def __exit__(self, *error: object) -> None:
        os.fsync(self.file.fileno())
        self.file.close()

    def facts(self, path: Path) -> Facts:
        return self.entries[path].facts

    def knows(self, path: Path, stamp: Stamp) -> bool:
        """Say whether a file need not be read again."""
        entry = self.entries.get(path)
        if entry is None or entry.stamp != stamp:
            return False
        return entry.facts.verdict not in _ENDED or entry.given == self.given

    def unsure(self, path: Path) -> bool:
        """Say whether a file needs a second try."""
        entry = self.entries[path]
        return entry.tries == 1 and entry.facts.verdict in _UNSURE

    def add(self, path: Path, stamp: Stamp, facts: Facts, *, tries: int) -> None:
        entry = _Entry(facts=facts, stamp=stamp, tries=tries, given=self.given)
        self.entries[path] = entry
        name = os.path.relpath(path, self.root)
        row = {"path": name, "rules": self.rules} | asdict(entry)
        self.file.write(json.dumps(row).encode() + b"\n")

    def _read(self, lines: Iterable[bytes]) -> None:
        """Take in what was checked by the same rules; a torn line is as if it were not there."""
        for line in lines:
            try:
                row = json.loads(line)
                if row.pop("rules") == self.rules:
                    path = self.root / row.pop("path")
                    self.entries[path] = _entry(row)
            except (ValueError, KeyError, TypeError, AttributeError):
                continue


def _entry(row: dict[str, Any]) -> _Entry:
    return _Entry(
        facts=Facts(**row["facts"]),
        stamp=None if row["stamp"] is None else (row["stamp"][0], row["stamp"][1]),
        tries=row["tries"],
        given=(row["given"][0], row["given"][1]),
    )
