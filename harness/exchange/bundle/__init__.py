"""Bundles for reviewers: everything behind the tables of a results folder, in one archive.

manifest.json            hash and size of every other file, and the verdicts
ro-crate-metadata.json   what the files are (RO-Crate 1.1)
APPENDIX.md              claim, command, expected result, tolerance, time; own source
own/                     source of the user's own tables and networks
requirements.lock        versions of the libraries
passports/               of the data sets, without paths of this machine
results/                 records, scores, declared claims, tables, figures, page
"""

import hashlib
import importlib.metadata
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import record
from harness.cost.sound import read_sound
from harness.data import passport
from harness.exchange import declared, verdicts
from harness.exchange.bundle import appendix, archive, own_sources, ro_crate
from harness.exchange.bundle.own_sources import OwnSources
from harness.exchange.verdicts import Setting
from harness.experiment import Experiment
from harness.record import Record
from harness.report import build
from harness.report.judge import JudgedTable
from harness.utils import atomic
from harness.utils.files import make_folder

FORMAT = 1
MANIFEST = "manifest.json"
_PACKAGES = ("harness", "experiments")
_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A written bundle.

    Attributes:
        path: The archive.
        records: Number of its records.
        tables: Settings of the tables that it has verdicts of.
        without_passport: Data sets whose passport is not at hand, with its hash.
        without_source: A sentence on each network whose source is left out.
    """

    path: Path
    records: int
    tables: tuple[str, ...]
    without_passport: tuple[str, ...]
    without_source: tuple[str, ...]


def write(
    path: Path, results: Path, *, data: Path, tables: Sequence[Experiment], license_url: str = ""
) -> Bundle:
    """Write the bundle of a results folder; equal records and passports give equal bytes.

    Tables, figures and page are made anew from the records, in a folder of their own.

    Args:
        path: The archive.
        results: The folder.
        data: Folder of the data sets, for their passports.
        tables: Every table.
        license_url: Licence of the results; empty leaves it open.

    Raises:
        ValueError: If there are no records, or a record, its scores or a declaration are damaged.
    """
    records = record.read_all(results)
    if not records:
        raise ValueError(f"{results} has no records; run a table first")
    if records.faults:
        raise ValueError(records.faults[0])
    for found in records:
        read_sound(results, found.key)
    declared.read_lines(results)
    passports = _passports(records, data)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch)
        _copy(results, copy, records)
        judged = _judge(copy, records, tables)
        files: dict[str, bytes | Path] = {
            f"results/{file.relative_to(copy).as_posix()}": file
            for file in copy.rglob("*")
            if file.is_file()
        }
        files |= {f"passports/{digest}.json": text for digest, text in passports.items()}
        own = own_sources.collect(records)
        text = appendix.text(judged) + own_sources.text(own)
        files |= {"APPENDIX.md": text.encode(), "requirements.lock": _lock(), **own.files}
        _describe(files, records, judged, own, license_url)
        make_folder(path.parent)
        part = path.with_name(f".{path.name}.part")
        archive.write(part, files)
        atomic.replace_synced(part, path)
    names = {found.passport: found.trial["data"]["name"] for found in records}
    return Bundle(
        path=path,
        records=len(records),
        tables=tuple(setting.name for setting, _ in judged),
        without_passport=tuple(
            f"{name} ({digest})" for digest, name in names.items() if digest not in passports
        ),
        without_source=own.missing,
    )


def _copy(results: Path, copy: Path, records: Iterable[Record]) -> None:
    paths = [path for found in records for path in record.paths(results, found)]
    paths += sorted((results / "declared").glob("*.jsonl"))
    for path in paths:
        target = copy / path.relative_to(results)
        make_folder(target.parent)
        target.write_bytes(path.read_bytes())


def _judge(
    copy: Path, records: Sequence[Record], tables: Sequence[Experiment]
) -> list[tuple[Setting, JudgedTable]]:
    """Judge every table, and write its files and a page for each scale beside the records."""
    judged = [
        (setting, verdicts.judge(setting, copy, tables))
        for setting in verdicts.settings(records, tables)
    ]
    outputs = [(found, build.write(found)) for setting, found in judged if not setting.changes]
    first = next((found.table.scale for found, _ in outputs), None)
    if first is not None:  # a page is of one scale
        build.write_page([pair for pair in outputs if pair[0].table.scale == first])
    return judged


def _passports(records: Sequence[Record], data: Path) -> dict[str, bytes]:
    """Return the passports behind records, by hash, without paths and times of this machine."""
    wanted, found = {each.passport for each in records}, {}
    for path in sorted(data.glob(f"*/{passport.FILE}")):
        try:
            whole = passport.read(path)
        except ValueError:  # of other data: those of the records are missed below
            continue
        if whole.digest in wanted:
            found[whole.digest] = _without_paths(whole)
    return found


def _without_paths(whole: passport.Passport) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / passport.FILE
        splits = {
            split: [replace(video, path=path.parent, stamp=None) for video in videos]
            for split, videos in whole.splits.items()
        }
        passport.write(path, replace(whole, splits=splits, root=None))
        return path.read_bytes()


def _lock() -> bytes:
    """Return the versions of the libraries: of the lock file, or of those installed without it."""
    path = _ROOT / "requirements.lock"
    if path.is_file():
        return path.read_bytes()
    installed = {
        f"{package.metadata['Name']}=={package.version}"
        for package in importlib.metadata.distributions()
    }
    return "".join(f"{line}\n" for line in sorted(installed)).encode()


def _describe(
    files: dict[str, bytes | Path],
    records: Sequence[Record],
    judged: Sequence[tuple[Setting, JudgedTable]],
    own: OwnSources,
    license_url: str,
) -> None:
    """Add the metadata and the manifest to the files of a bundle."""
    contents = {
        name: found if isinstance(found, bytes) else found.read_bytes()
        for name, found in files.items()
    }
    contents[ro_crate.FILE] = files[ro_crate.FILE] = ro_crate.metadata(
        {name: len(content) for name, content in contents.items()},
        finished_ms=max(found.finished_ms for found in records),
        commits=sorted({str(found.provenance.get("commit")) for found in records}),
        license_url=license_url,
    )
    manifest: Mapping[str, Any] = {
        "format": FORMAT,
        "source": source_sha256(),
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(contents.items())
        },
        "own": {"modules": own.modules, "missing": own.missing},
        "verdicts": [verdicts.as_json(setting, table) for setting, table in judged],
    }
    files[MANIFEST] = f"{json.dumps(manifest, indent=1, ensure_ascii=False)}\n".encode()


def source_sha256() -> str:
    """Hash the source of this version, which decides the text of tables."""
    lines = [
        f"{path.relative_to(_ROOT).as_posix()}\t{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for package in _PACKAGES
        for path in sorted((_ROOT / package).rglob("*"))
        if path.suffix in (".py", ".html", ".css", ".js") and path.is_file()
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
