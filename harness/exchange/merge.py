"""Merges of results folders: records with their scores, and what was declared before them.

Everything is read and checked before the first file is written; a file of the target is replaced
only by a record that the caller prefers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import record
from harness.cost.sound import read_sound
from harness.exchange import declared
from harness.exchange.declared import Line, Merged
from harness.record import Record
from harness.schedule import shards
from harness.utils.atomic import write_atomic
from harness.utils.escape import counted

NEWER = "newer"
TARGET = "the target"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A results folder to merge from.

    Attributes:
        name: `A`, `B`, ... in the order of the command, or `the target`.
        folder: The folder.
        records: By key.
        declared: Name of a file of `declared/` to its lines.
        unfinished: Score files without a record, of trials that were killed between the two.
        is_target: True if records are merged into this folder.
    """

    name: str
    folder: Path
    records: Mapping[str, Record]
    declared: Mapping[str, Sequence[Line]]
    unfinished: tuple[str, ...] = ()
    is_target: bool = False


@dataclass(frozen=True, kw_only=True)
class Merge:
    """The outcome of a merge.

    Attributes:
        chosen: Key of each record of the target to the source that it comes from.
        equal: Keys that several sources hold with equal content.
        clashes: Keys that several hold with different content, with the name of the chosen one.
        replaced: Keys whose record in the target another one replaced.
        declared: Number of the declarations in the target.
        downgraded: Declarations that are no longer before results, as another source had these.
        unfinished: Score files without a record, which were left out.
    """

    chosen: Mapping[str, str] = field(repr=False)
    equal: tuple[str, ...]
    clashes: Mapping[str, str]
    replaced: tuple[str, ...]
    declared: int
    downgraded: int
    unfinished: tuple[str, ...]


def merge(folders: Sequence[Path], into: Path, *, prefer: str | None = None) -> Merge:
    """Merge results folders into one, which may exist.

    Args:
        folders: One or more.
        into: The target; its records count like those of a source.
        prefer: Decides between records of one trial with different content: `A`, `B`, ... for the
            folder at that place, or `newer` for the one that finished last.

    Raises:
        ValueError: If a folder holds damaged files, names all of them; if records clash and
            `prefer` does not decide, or the target is in use. Nothing is written then.
    """
    names = [chr(ord("A") + number) for number in range(len(folders))]
    if prefer not in (None, NEWER, *names):
        raise ValueError(f"--prefer {prefer} is not one of {', '.join((*names, NEWER))}")
    if len(set(folders)) < len(folders):
        raise ValueError("a folder is named twice; name different folders")
    faults: list[str] = []
    sources = [
        _read(folder, name, folder == into, faults)
        for folder, name in zip(folders, names, strict=True)
    ]
    if (into / "records").is_dir() and into not in folders:
        sources.append(_read(into, TARGET, True, faults))
    if faults:
        raise ValueError("nothing was merged: " + "; ".join(faults))
    chosen = _choose(sources, prefer)
    lines = declared.merge_lines(
        [source.declared for source in sources],
        [found for source in sources for found in source.records.values()],
    )
    before = _listing(into)
    with shards.hold_alone(into, what="merging results"):
        if _listing(into) != before:
            raise ValueError(f"{into} changed meanwhile; merge again")
        _write(into, chosen, lines)
    return _outcome(sources, chosen, lines)


def _listing(results: Path) -> list[tuple[str, int]]:
    paths = [*results.glob("records/*"), *results.glob("declared/*")]
    return sorted((path.name, path.stat().st_mtime_ns) for path in paths)


def _read(folder: Path, name: str, is_target: bool, faults: list[str]) -> Source:
    """Read a folder; add a sentence to `faults` for every damaged file."""
    if not (folder / "records").is_dir():
        raise ValueError(f"{folder} is not a results folder: it has no folder named records")
    records = {}
    for path in sorted((folder / "records").glob("*.json")):
        try:
            records[path.stem] = read_sound(folder, path.stem)
        except (ValueError, OSError) as error:
            faults.append(str(error))
    try:
        lines = declared.read_lines(folder)
    except (ValueError, OSError) as error:
        lines = {}
        faults.append(str(error))
    scores = {record.scores_path(folder, found) for found in records.values()}
    return Source(
        name=name,
        folder=folder,
        records=records,
        declared=lines,
        is_target=is_target,
        unfinished=tuple(
            str(path)
            for path in sorted((folder / "records").glob("*.npz"))
            if path not in scores and not faults
        ),
    )


def _choose(sources: Sequence[Source], prefer: str | None) -> dict[str, Source]:
    """Choose the source of every record; of equal ones, the target.

    Raises:
        ValueError: If records clash and `prefer` does not decide; names them.
    """
    chosen, undecided = {}, []
    for key, holders in _holders(sources).items():
        is_equal = _are_equal(key, holders)
        best = holders[0] if is_equal else _preferred(key, holders, prefer)
        if best is None:
            undecided.append(f"{key} of {' and '.join(source.name for source in holders)}")
        else:
            chosen[key] = best
    if undecided:
        raise ValueError(_clash_text(undecided, sources, prefer))
    return chosen


def _holders(sources: Sequence[Source]) -> dict[str, list[Source]]:
    """Return the folders that hold a record of each key, the target first."""
    keys = sorted({key for source in sources for key in source.records})
    ordered = sorted(sources, key=lambda source: not source.is_target)
    return {key: [source for source in ordered if key in source.records] for key in keys}


def _are_equal(key: str, holders: Sequence[Source]) -> bool:
    return all(source.records[key] == holders[0].records[key] for source in holders)


def _outcome(sources: Sequence[Source], chosen: Mapping[str, Source], lines: Merged) -> Merge:
    several = {key: found for key, found in _holders(sources).items() if len(found) > 1}
    clashes = {
        key: chosen[key].name for key, found in several.items() if not _are_equal(key, found)
    }
    return Merge(
        chosen={key: source.name for key, source in chosen.items()},
        equal=tuple(key for key in several if key not in clashes),
        clashes=clashes,
        replaced=tuple(
            key for key in clashes if several[key][0].is_target and not chosen[key].is_target
        ),
        declared=lines.count,
        downgraded=lines.downgraded,
        unfinished=tuple(path for source in sources for path in source.unfinished),
    )


def _preferred(key: str, holders: Sequence[Source], prefer: str | None) -> Source | None:
    if prefer == NEWER:
        times = [source.records[key].finished_ms for source in holders]
        newest = [source for source, time in zip(holders, times, strict=True) if time == max(times)]
        return newest[0] if len(newest) == 1 else None
    named = [source for source in holders if source.name == prefer]
    return named[0] if named else None


def _clash_text(undecided: Sequence[str], sources: Sequence[Source], prefer: str | None) -> str:
    shown = ", ".join(undecided[:5]) + (", ..." if len(undecided) > 5 else "")
    names = "; ".join(f"{source.name}: {source.folder}" for source in sources)
    remedy = f"add --prefer {NEWER}, or the letter of a folder that has them"
    if prefer == NEWER:
        remedy = "they finished at the same time; add --prefer and the letter of a folder"
    return (
        f"nothing was merged: records with different content for {counted(len(undecided), 'trial')}"
        f" ({shown}); {remedy} ({names})"
    )


def _write(into: Path, chosen: Mapping[str, Source], lines: Merged) -> None:
    """Copy the chosen records byte by byte, scores first, and write all declarations."""
    for key, source in chosen.items():
        if source.is_target:
            continue
        old = record.find(into, key)
        old_scores = record.scores_path(into, old) if old else None
        for path in reversed(record.paths(source.folder, source.records[key])):
            write_atomic(into / "records" / path.name, path.read_bytes())
        if old_scores and old_scores != record.scores_path(into, source.records[key]):
            old_scores.unlink()
    declared.write(into, lines)


def text(merge: Merge, into: Path) -> str:
    """Return what was merged, and every record that had to be chosen or left out."""
    count = len(merge.chosen)
    lines = [f"{into} holds {counted(count, 'record')}."]
    lines += [
        f"  {key}: different content; kept that of {name}" for key, name in merge.clashes.items()
    ]
    lines += [f"  {key}: its record in {into} was replaced" for key in merge.replaced]
    lines += [f"  {path}: scores without a record, left out" for path in merge.unfinished]
    lines.append(
        f"{len(merge.equal)} were equal in several folders; {merge.declared} declarations."
    )
    if merge.downgraded:
        lines.append(
            f"{merge.downgraded} declarations came after results of another folder, and no longer "
            "count as made before them."
        )
    return "\n".join(lines)
