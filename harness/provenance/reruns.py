"""Reruns: differences in the machines, libraries and commits behind two groups of records."""

import json
from collections.abc import Sequence

from harness.record import Record

_NOT_COMPARED = ("campaign",)


def provenance_differences(
    first: Sequence[Record], second: Sequence[Record]
) -> dict[str, tuple[str, str]]:
    """Return the fields of the provenance in which two groups differ, with distinct values."""
    names = sorted({name for record in (*first, *second) for name in record.provenance})
    values = {name: (_distinct(first, name), _distinct(second, name)) for name in names}
    values["code"] = (_codes(first), _codes(second))
    return {
        name: pair
        for name, pair in values.items()
        if name not in _NOT_COMPARED and pair[0] != pair[1]
    }


def _codes(records: Sequence[Record]) -> str:
    return ", ".join(sorted({record.code_hash for record in records}))


def _distinct(records: Sequence[Record], name: str) -> str:
    absent = "not recorded"
    texts = {
        json.dumps(record.provenance[name], sort_keys=True).strip('"')
        if name in record.provenance
        else absent
        for record in records
    }
    return ", ".join(sorted(texts))
