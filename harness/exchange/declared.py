"""Declarations of several results folders, put together in the order of their times.

A claim that one folder declared before its own results may come after those of another. Such a
claim, or margin, no longer counts as declared before the results once the folders are one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import record
from harness.record import Record
from harness.specs import from_dict
from harness.utils import json_file
from harness.utils.atomic import write_atomic

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Merged:
    """Declarations of several folders.

    Attributes:
        files: Name of a file of `declared/` to its content.
        count: Number of the declarations.
        downgraded: Number of those that no longer count as made before the results.
    """

    files: Mapping[str, bytes]
    count: int
    downgraded: int


def read_lines(results: Path) -> dict[str, list[Line]]:
    """Return the declarations of a folder, by the name of their file.

    Raises:
        ValueError: If a line is not a declaration; names it.
    """
    return {
        path.name: [
            _parse(text, f"line {number} of {path}")
            for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        ]
        for path in sorted((results / "declared").glob("*.jsonl"))
    }


def merge_lines(
    declared: Sequence[Mapping[str, Sequence[Line]]], records: Iterable[Record]
) -> Merged:
    """Put the declarations of several folders together, each of them once.

    Args:
        declared: Of each folder.
        records: Of all folders.
    """
    lines = {
        (name, json.dumps(line, sort_keys=True)): line
        for folder in declared
        for name, found in folder.items()
        for line in found
    }
    runs = [(run.passport, _name(run), run.finished_ms) for run in records]
    files: dict[str, list[Line]] = {}
    downgraded = 0
    for (name, _), line in sorted(lines.items(), key=lambda item: _time_ms(item[1])):
        checked = _with_lateness(line, runs, list(lines.values()))
        downgraded += checked != line
        files.setdefault(name, []).append(checked)
    texts = {
        name: "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in found).encode()
        for name, found in files.items()
    }
    return Merged(files=texts, count=len(lines), downgraded=downgraded)


def write(results: Path, merged: Merged) -> None:
    """Write the declarations of a folder."""
    for name, content in merged.files.items():
        path = results / "declared" / name
        if not path.is_file() or path.read_bytes() != content:
            write_atomic(path, content)


def _with_lateness(line: Line, runs: Sequence[tuple[str, str, int]], lines: Sequence[Line]) -> Line:
    """Return a declaration whose claims and margin are not before results that came earlier."""
    time, data = _time_ms(line), set(line["passports"])
    has_run = {name for passport, name, finished in runs if passport in data and finished < time}
    seen = {
        trial
        for other in lines
        if data <= set(other["passports"]) and _time_ms(other) < time
        for claim in other["claims"]
        for trial in claim["trials"]
    }
    claims = [
        claim
        | {"before_results": claim["before_results"] and not set(claim["trials"]) <= has_run | seen}
        for claim in line["claims"]
    ]
    trials = {trial for claim in line["claims"] for trial in claim["trials"]}
    return line | {
        "before_results": line["before_results"] and not trials & has_run,
        "claims": claims,
    }


def _name(run: Record) -> str:
    """Return the name of a trial in declarations: its key without seed and data."""
    try:
        return record.trial_key(replace(from_dict(run.trial), seed=0), "")
    except ValueError:  # another version, whose declarations name no trial of this one
        return run.key


def _time_ms(line: Line) -> float:
    return 1000 * datetime.fromisoformat(line["declared"]).timestamp()


def _parse(text: str, where: str) -> Line:
    try:
        line: Line = json_file.parse(text.encode(), "declaration")
        _time_ms(line)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{where} is not a declaration ({error}); restore the file") from error
    return line
