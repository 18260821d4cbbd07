"""Leftovers of a results folder: what takes space, and no table needs any more."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness import record
from harness.exchange.places import Places, freshness
from harness.record import Record
from harness.schedule import shards
from harness.utils.escape import counted

Kind = Literal["stale", "checkpoints", "work", "frames", "leftovers"]
KINDS: dict[Kind, str] = {
    "stale": "records made by other code than this, with their scores",
    "checkpoints": "kept checkpoints of finished trials",
    "work": "checkpoints of trials that have not finished and that nothing touched for a while",
    "frames": "decoded frames of small videos, which the next trial decodes again",
    "leftovers": "scores without a record, and files that a killed process left half written",
}
UNTOUCHED_DAYS = 14.0
_DAY_S = 86400


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that may be removed.

    Attributes:
        kind: Why.
        paths: Files and folders.
        size: Their bytes.
        note: What they are, in words.
    """

    kind: Kind
    paths: tuple[Path, ...]
    size: int
    note: str


def find(
    results: Path,
    *,
    places: Places,
    kinds: Sequence[Kind] = tuple(KINDS),
    untouched_days: float = UNTOUCHED_DAYS,
) -> list[Item]:
    """List what may be removed from a results folder; a fresh record is never among it.

    Args:
        results: The folder.
        places: Rows of the tables, to name what a stale record was for.
        kinds: What to list.
        untouched_days: Least age of the work of an unfinished trial, and of half-written files.

    Raises:
        ValueError: If it is not a results folder, or a record is damaged.
    """
    if not any((results / name).is_dir() for name in ("records", "work")):
        raise ValueError(f"{results} is not a results folder: it has no records and no work")
    everything = record.read_all(results)
    if everything.faults:
        raise ValueError(everything.faults[0])
    records = {found.key: found for found in everything}
    before = time.time() - untouched_days * _DAY_S
    items = [
        *_stale(results, records, places),
        *_work(results, records, before),
        *_frames(results),
        *_leftovers(results, records, before),
    ]
    return [item for item in items if item.kind in kinds]


def remove(results: Path, items: Sequence[Item]) -> None:
    """Remove what `find` listed, records before their scores.

    Raises:
        ValueError: If a process uses the folder.
    """
    with shards.hold_alone(results, what="pruning results"):
        for path in (path for item in items for path in item.paths):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _stale(results: Path, records: Mapping[str, Record], places: Places) -> Iterator[Item]:
    for found in records.values():
        if freshness(found) == "stale":
            rows = ", ".join(map(str, places.of(found))) or "no row"
            yield _item(
                "stale",
                record.paths(results, found),
                f"seed {found.trial['seed']} of {rows} at {found.trial['scale']} scale",
            )


def _work(results: Path, records: Mapping[str, Record], before: float) -> Iterator[Item]:
    for folder in sorted((results / "work").glob("*")):
        # The trial of a stale record may be running again.
        if folder.name in records and freshness(records[folder.name]) != "stale":
            yield _item("checkpoints", [folder], "its trial has a record")
        elif (touched := _touched(folder)) < before:
            days = (time.time() - touched) / _DAY_S
            yield _item("work", [folder], f"unfinished, untouched for {days:.0f} days")


def _frames(results: Path) -> Iterator[Item]:
    if (folder := results / "frames").is_dir():
        yield _item("frames", [folder], counted(len(_files(folder)), "video"))


def _leftovers(results: Path, records: Mapping[str, Record], before: float) -> Iterator[Item]:
    scores = {record.scores_path(results, found) for found in records.values()}
    for path in sorted((results / "records").glob("*")):
        is_half_written = path.name.startswith(".")
        is_alone = path.suffix == ".npz" and path not in scores
        if (is_half_written or is_alone) and _touched(path) < before:
            yield _item("leftovers", [path], "half written" if is_half_written else "no record")


def _item(kind: Kind, paths: Sequence[Path], note: str) -> Item:
    existing = tuple(path for path in paths if path.exists() or path.is_symlink())
    return Item(kind=kind, paths=existing, size=sum(map(_size, existing)), note=note)


def _size(path: Path) -> int:
    return sum(file.lstat().st_size for file in _files(path))


def _touched(path: Path) -> float:
    return max(file.lstat().st_mtime for file in (path, *_files(path)))


def _files(path: Path) -> list[Path]:
    """Return the files of a folder, or the file itself; links are not followed."""
    if path.is_symlink() or not path.is_dir():
        return [path]
    return [file for file in path.rglob("*") if file.is_symlink() or not file.is_dir()]


def text(items: Sequence[Item], results: Path) -> str:
    """Return what may be removed, with sizes, by kind."""
    if not items:
        return f"{results}: nothing to remove"
    lines = []
    for kind, what in KINDS.items():
        own = [item for item in items if item.kind == kind]
        if own:
            lines.append(f"{kind}: {what} ({_bytes(sum(item.size for item in own))})")
        lines += [f"  {_bytes(item.size):>9}  {item.paths[0].name}  {item.note}" for item in own]
    return "\n".join([*lines, f"In all: {_bytes(sum(item.size for item in items))}"])


def _bytes(size: int) -> str:
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
