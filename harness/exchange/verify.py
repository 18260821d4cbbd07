"""Verification of a bundle: its files, and its verdicts judged again from its records."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cost.sound import read_sound
from harness.data import passport
from harness.exchange import verdicts
from harness.exchange.bundle import FORMAT, MANIFEST, archive, own_sources, source_sha256
from harness.exchange.places import freshness
from harness.exchange.verdicts import Setting
from harness.experiment import Experiment
from harness.record import Record
from harness.report.build import write_tables
from harness.utils import escape, json_file

_TEXTS = ("md", "csv", "tex", "claims.csv")


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The outcome of a verification.

    Attributes:
        files: Number of files whose hashes were compared.
        records: Number of records that were judged.
        tables: Settings whose verdicts were judged again.
        faults: What does not hold, in sentences; empty if all of it holds.
        remarks: What could not be compared, and why.
    """

    files: int
    records: int
    tables: tuple[str, ...]
    faults: tuple[str, ...]
    remarks: tuple[str, ...]


def verify(path: Path, *, tables: Sequence[Experiment], max_bytes: int) -> Verification:
    """Unpack a bundle into a folder of its own, and check and judge it there.

    Args:
        path: The archive.
        tables: Every table of this version.
        max_bytes: Most bytes to unpack.

    Raises:
        ValueError: If it is no bundle, or is unsafe to unpack.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        names = archive.unpack(path, folder, max_bytes=max_bytes)
        manifest = _manifest(folder, path)
        faults = [*_file_faults(folder, names, manifest), *_passport_faults(folder)]
        are_files_whole = not faults
        records, record_faults = _records(folder / "results")
        faults += record_faults
        judged: list[str] = []
        if not faults:  # verdicts of altered files say nothing
            for bundled in manifest["verdicts"]:
                faults += _verdict_faults(bundled, folder, tables, manifest)
                judged.append(_setting(bundled).name)
        return Verification(
            files=len(names),
            records=len(records),
            tables=tuple(judged),
            faults=tuple(faults),
            remarks=tuple(_remarks(records, manifest, folder if are_files_whole else None)),
        )


def _manifest(folder: Path, path: Path) -> Mapping[str, Any]:
    try:
        manifest = json_file.loads((folder / MANIFEST).read_bytes())
        layout = manifest.get("format") if isinstance(manifest, dict) else None
        if not isinstance(layout, int) or layout == FORMAT:
            json_file.schema.check(manifest, "manifest")
            _check_own(manifest)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} is not a bundle of harness bundle: no readable {MANIFEST} ({error})"
        ) from error
    if layout != FORMAT:
        raise ValueError(f"{path} has layout {layout}, but this version reads layout {FORMAT}")
    return dict(manifest)


def _check_own(manifest: Mapping[str, Any]) -> None:
    """Refuse a list of own sources that names a file which the bundle does not list."""
    for place in manifest.get("own", {"modules": ()})["modules"]:
        if place not in manifest["files"]:
            raise ValueError(f"{escape.name(place)} is listed as a source, and not as a file")


def _setting(bundled: Mapping[str, Any]) -> Setting:
    table, scale, changes = bundled["table"], bundled["scale"], dict(bundled["changes"])
    base = "paper" if scale == "own" else scale
    return Setting(table=table, scale=scale, changes=changes, base=bundled.get("base", base))


def _file_faults(folder: Path, names: Sequence[str], manifest: Mapping[str, Any]) -> Iterator[str]:
    listed = manifest["files"]
    for name in sorted({*names, *listed} - {MANIFEST}):
        if name not in listed:
            yield f"{name} is not in the manifest"
        elif name not in names:
            yield f"{name} is missing"
        elif hashlib.sha256((folder / name).read_bytes()).hexdigest() != listed[name]["sha256"]:
            yield f"{name} was altered: its hash is not that of the manifest"


def _passport_faults(folder: Path) -> Iterator[str]:
    for path in sorted((folder / "passports").glob("*.json")):
        try:
            is_own = passport.read(path).digest == path.stem
        except ValueError:
            is_own = False
        if not is_own:
            yield f"passports/{path.name} is not the passport of that hash"


def _records(results: Path) -> tuple[list[Record], list[str]]:
    """Return the sound records of a folder, and a sentence for each of the others."""
    found, faults = [], []
    for path in sorted((results / "records").glob("*.json")):
        try:
            found.append(read_sound(results, path.stem))
        except ValueError as error:
            faults.append(str(error).replace(f"{results.parent}/", ""))
    return found, faults


def _verdict_faults(
    bundled: Mapping[str, Any],
    folder: Path,
    tables: Sequence[Experiment],
    manifest: Mapping[str, Any],
) -> Iterator[str]:
    setting = _setting(bundled)
    try:
        judged = verdicts.judge(setting, folder / "results", tables)
    except (ValueError, TypeError) as error:
        yield f"{setting.name}: {error}"
        return
    for sentence in verdicts.differences(bundled, verdicts.as_json(setting, judged)):
        yield f"{setting.name}: {sentence}"
    if manifest["source"] == source_sha256() and not setting.changes:
        kept = {
            name: (folder / name).read_bytes()
            for end in _TEXTS
            for name in [f"results/tables/{judged.table.file_stem}.{end}"]
            if (folder / name).is_file()
        }
        write_tables(judged)
        for name, content in kept.items():
            if (folder / name).read_bytes() != content:
                yield f"{name} is not the table of the records"


def _remarks(
    records: Sequence[Record], manifest: Mapping[str, Any], folder: Path | None
) -> Iterator[str]:
    own = manifest.get("own", {"modules": {}, "missing": []})
    yield from own["missing"]
    is_same_version = manifest["source"] == source_sha256()
    if folder is not None:
        yield from own_sources.remarks(
            own["modules"], records, folder, is_same_version=is_same_version
        )
    if not is_same_version:
        yield "another version of the harness wrote the bundle: texts of tables were not compared"
    other = sum(freshness(found) != "fresh" for found in records)
    if other:
        commits = sorted({str(found.provenance.get("commit")) for found in records})
        yield (
            f"{other} of {len(records)} records were made by other code than this "
            f"(commits {', '.join(commits)}), so they count as stale here"
        )


def text(found: Verification, path: Path) -> str:
    """Return the outcome as text."""
    counts = {"file": found.files, "record": found.records, "table": len(found.tables)}
    read = ", ".join(escape.counted(number, noun) for noun, number in counts.items())
    lines = [f"{path.name}: {read} judged again"]
    lines += [f"  does not hold: {fault}" for fault in found.faults]
    lines += [f"  note: {remark}" for remark in found.remarks]
    lines.append("It does not hold." if found.faults else "All of it holds.")
    return "\n".join(lines)
