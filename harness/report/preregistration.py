"""Preregistration: claims and margin of a table, kept before their first result.

`declared/<name>.jsonl` has a line for every launch that declared something new, with the time, the
commit, the data and the trials it was declared for. Lines are only ever added. A claim counts as
declared before its results if its rows had not all run then, and had not all been declared
before; so neither deleting records nor the file's later lines make a claim look older. The wording
and the origin of a claim may change: they do not alter what is tested.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import record
from harness.experiment import Claim
from harness.provenance import machine
from harness.report.results import TableResult

_ASSERTION = ("kind", "rows", "metric", "limit", "trend")
Line = Mapping[str, Any]


def preregister(table: TableResult, *, passports: Sequence[str]) -> None:
    """Add what a table declares now and has not declared yet, for the same data and trials.

    Args:
        table: Before its trials run.
        passports: Hashes of its data.
    """
    path, before = _path(table), _read(table)
    data = sorted(set(passports))
    same_data = [line for line in before if line["passports"] == data]
    seen = {trial for line in same_data for claim in line["claims"] for trial in claim["trials"]}
    known = [_assertion(claim) for line in same_data for claim in line["claims"]]
    claims = [
        json.loads(json.dumps(asdict(claim)))
        | {"trials": _trials(table, claim), "before_results": _is_before(table, claim, seen)}
        for claim in table.experiment.claims
    ]
    margins = [line["margin"] for line in same_data]
    if all(_assertion(claim) in known for claim in claims) and table.experiment.margin in margins:
        return
    line = {
        "declared": datetime.now(UTC).isoformat(timespec="seconds"),
        **machine.commit(),
        "passports": data,
        "margin": table.experiment.margin,
        "claims": claims,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def lateness(table: TableResult, claim: Claim) -> str:
    """Return how a claim came after its results; empty if it was declared before them."""
    lines = _of_same_data(table)
    if not lines:
        return "claim not declared before the results"
    wanted = _assertion(asdict(claim) | {"trials": _trials(table, claim)})
    is_before = any(
        declared["before_results"] and _assertion(declared) == wanted
        for line in lines
        for declared in line["claims"]
    )
    return "" if is_before else "claim declared after the results"


def margin_lateness(table: TableResult) -> str:
    """Return how a margin came after the results; empty if it was declared before them."""
    lines = _of_same_data(table)
    if not lines:
        return "margin not declared before the results"
    is_first = lines[0]["margin"] == table.experiment.margin
    return "" if is_first else "margin changed after the results"


def _is_before(table: TableResult, claim: Claim, seen: set[str]) -> bool:
    """Return whether some row of a claim has neither a record nor an earlier declaration."""
    return any(
        not result.records and not set(_trial_keys(result.trial)) & seen
        for result in table.of(claim)
    )


def _trials(table: TableResult, claim: Claim) -> list[str]:
    """Return the trials of a claim's rows, without seed and data; quoted rows have none."""
    return [key for result in table.of(claim) for key in _trial_keys(result.trial)]


def _trial_keys(trial: Any) -> list[str]:
    return [] if trial is None else [record.trial_key(trial, "")]


def _assertion(claim: Line) -> list[Any]:
    """Return the fields that decide the test of a claim, as JSON holds them."""
    fields = [claim.get(name) for name in (*_ASSERTION, "trials")]
    return [list(field) if isinstance(field, tuple) else field for field in fields]


def _of_same_data(table: TableResult) -> list[Line]:
    """Return the declarations made for the data that the table's records were scored on."""
    passports = {record.passport for record in table.records}
    return [line for line in _read(table) if passports <= set(line["passports"])]


def _read(table: TableResult) -> list[Line]:
    path = _path(table)
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_parse(text, f"line {number} of {path}") for number, text in enumerate(lines, 1)]


def _parse(text: str, where: str) -> Line:
    try:
        line: dict[str, Any] = json.loads(text)
        _ = line["margin"], set(line["passports"])
        _ = [(claim["trials"], claim["before_results"]) for claim in line["claims"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{where} is not a declaration ({error}); restore the file, or delete the line and "
            "the records that came after it"
        ) from error
    return line


def _path(table: TableResult) -> Path:
    return table.results / "declared" / f"{table.file_stem}.jsonl"
