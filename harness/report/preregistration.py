"""Preregistration: claims and margin of a table, kept before their first result.

`declared/<name>.jsonl` has a line for every launch and data set that declared something new, with
the time, the commit, the data and the trials it was declared for. Lines are only ever added. A
claim counts as declared before its results if its rows had not all run on these data then, and
their trials had not all been declared before, in whatever table; so deleting records does not make
a claim look older. Rows of one table may have different data: a new copy of one data set leaves
what was declared for the others. The wording and the origin of a claim may change: they do not
alter what is tested.
"""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from harness import record
from harness.experiment import Claim
from harness.provenance import machine
from harness.report.results import RowResult, TableResult
from harness.utils import files, json_file
from harness.utils.read_once import ReadOnce

_ASSERTION = ("kind", "metric", "limit", "trend")
_MAX_BYTES = 2**26
_LOG = logging.getLogger(__name__)
Line = Mapping[str, Any]


def preregister(
    table: TableResult, *, passports: Mapping[str, str], moment: datetime | None = None
) -> None:
    """Add what a table declares now and has not declared yet, for the same data and trials.

    Args:
        table: Before its trials run.
        passports: Label of a row to the hash of its data; a row without data has none.
        moment: Of the launch, the same for all of its tables, which are declared together; None for
            now.

    Raises:
        ValueError: If an earlier declaration is damaged.
    """
    if bad := faults(table.results):  # a lost line could make a claim look older than it is
        raise ValueError(
            f"{bad[0]}; restore the file, or delete the line and the records that came after it"
        )
    claims: dict[tuple[str, ...], list[Claim]] = {
        (digest,): [] for digest in passports.values()
    } or {(): []}
    for claim in table.experiment.claims:
        digests = {passports[label] for label in claim.rows if label in passports}
        claims.setdefault(tuple(sorted(digests)), []).append(claim)
    declared = (moment or datetime.now(UTC)).isoformat(timespec="microseconds")
    for data, own in claims.items():
        rows = [result for result in table.rows if passports.get(result.label, "") in data]
        _declare(table, list(data), own, rows, declared)


def _declare(
    table: TableResult,
    data: list[str],
    claims: Sequence[Claim],
    rows: Sequence[RowResult],
    moment: str,
) -> None:
    """Add a line on the claims and rows of a table that have the same data, if it says more."""
    path = _path(table)
    same_data = _with_data(data, _read_all(table))
    earlier = [line for line in same_data if line["declared"] != moment]
    seen = {trial for line in earlier for claim in line["claims"] for trial in claim["trials"]}
    known = [_assertion(claim) for line in same_data for claim in line["claims"]]
    declared = [
        json.loads(json.dumps(asdict(claim)))
        | {
            "trials": _trials(table, claim),
            "before_results": _is_before(table, claim, data, seen),
        }
        for claim in claims
    ]
    own = _with_data(data, _read(path))
    margins = [line["margin"] for line in own]
    if all(_assertion(claim) in known for claim in declared) and table.experiment.margin in margins:
        return
    line = {
        "declared": moment,
        **machine.commit(),
        "passports": data,
        "before_results": not own and not _have_run(rows, data),
        "margin": table.experiment.margin,
        "claims": declared,
    }
    with files.open_to_append(path, below=path.parents[1]) as file:
        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def faults(results: Path) -> tuple[str, ...]:
    """Return a sentence on each line of the declarations of a folder that is none."""
    return tuple(fault for path in _files(results) for fault in _read_once(path).faults)


def lateness(table: TableResult, claim: Claim) -> str:
    """Return how a claim came after its results; empty if it was declared before them."""
    lines = _with_data(_data_of(table.of(claim)), _read_all(table))
    if not lines:
        return "claim not declared before the results"
    wanted = _assertion(asdict(claim) | {"trials": _trials(table, claim)})
    is_before = any(
        declared["before_results"] and _assertion(declared) == wanted
        for line in lines
        for declared in line["claims"]
    )
    return "" if is_before else "claim declared after the results"


def margin_lateness(table: TableResult, row: RowResult) -> str:
    """Return how a row's margin came after its results; empty if it was declared before them."""
    lines = _with_data(_data_of([row]), _read(_path(table)))
    if not any(line["before_results"] for line in lines):
        return "margin not declared before the results"
    margins = [line["margin"] for line in lines if line["before_results"]]
    return "" if table.experiment.margin in margins else "margin changed after the results"


def _is_before(table: TableResult, claim: Claim, data: list[str], seen: set[str]) -> bool:
    """Return whether some row of a claim has neither run on the data nor been declared before."""
    return any(
        not _have_run([result], data) and not set(_trial_keys(result.trial)) & seen
        for result in table.of(claim)
    )


def _have_run(rows: Sequence[RowResult], data: Sequence[str]) -> bool:
    return any(record.passport in data for result in rows for record in result.records)


def _trials(table: TableResult, claim: Claim) -> list[str]:
    """Return the trials of a claim's rows, without seed and data; a quoted row has its label."""
    return [
        key for result in table.of(claim) for key in _trial_keys(result.trial) or [result.label]
    ]


def _trial_keys(trial: Any) -> list[str]:
    return [] if trial is None else [record.trial_key(trial, "")]


def _assertion(claim: Line) -> list[Any]:
    """Return what decides the test of a claim, the same in all tables.

    The order of rows matters for `better` and `trend`; the best stands first among its competitors.
    """
    trials = list(claim["trials"])
    fixed = {"same": 0, "best": 1}.get(claim["kind"], len(trials))
    return [*(claim.get(name) for name in _ASSERTION), trials[:fixed], sorted(trials[fixed:])]


def _data_of(rows: Sequence[RowResult]) -> set[str]:
    """Return the hashes of the data that the records of some rows were scored on."""
    return {record.passport for result in rows for record in result.records}


def _with_data(data: Collection[str], lines: Sequence[Line]) -> list[Line]:
    """Return the declarations made for some data, or for more than these."""
    return [line for line in lines if set(data) <= set(line["passports"])]


def _read_all(table: TableResult) -> list[Line]:
    """Return the declarations of all tables of the results folder, of this scale and others."""
    return [line for path in _files(table.results) for line in _read(path)]


def _files(results: Path) -> list[Path]:
    return sorted((results / "declared").glob("*.jsonl"))


def _read(path: Path) -> list[Line]:
    try:
        return _read_once(path).lines
    except FileNotFoundError:
        return []


class _Declarations(NamedTuple):
    """Lines of a file, and a sentence on each that is none."""

    lines: list[Line]
    faults: list[str]


def _load(path: Path) -> _Declarations:
    """Read a file; a line that is no declaration is named and set aside."""
    found = _Declarations([], [])
    try:
        texts = json_file.read_bytes(path, max_bytes=_MAX_BYTES).splitlines()
    except json_file.BadFileError as error:
        texts = []
        found.faults.append(str(error))
    for number, text in enumerate(texts, 1):
        try:
            found.lines.append(json_file.parse(text, "declaration"))
        except ValueError as error:
            found.faults.append(f"line {number} of {path} is not a declaration ({error})")
    for fault in found.faults:
        _LOG.warning("%s (set aside)", fault)
    return found


_read_once = ReadOnce(_load)


def _path(table: TableResult) -> Path:
    return table.results / "declared" / f"{table.file_stem}.jsonl"
