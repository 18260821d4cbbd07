"""Differences between two nested dictionaries, leaf by leaf."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A leaf that differs; `ABSENT` on a side that lacks it."""

    path: str
    one: Any
    other: Any


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    """List the leaves in which two nested dictionaries differ, by path."""
    leaves, other_leaves = dict(_flatten(one, ())), dict(_flatten(other, ()))
    return [
        Difference(path=path, one=leaves.get(path, ABSENT), other=other_leaves.get(path, ABSENT))
        for path in sorted(leaves | other_leaves)
        if _canonical(leaves.get(path, ABSENT)) != _canonical(other_leaves.get(path, ABSENT))
    ]


def format_value(value: object) -> str:
    """Format a value in words."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(format_value, value))}]"
    if isinstance(value, float):
        return str(float(f"{value:.6g}"))
    return "none" if value is None else "default" if value == ABSENT else str(value)


def _canonical(value: Any) -> str:
    """Return a text in which 40 and 40.0 differ, as in the key of a trial."""
    return json.dumps(value, sort_keys=True)


def _flatten(tree: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, (*above, name))
        else:
            yield ".".join((*above, name)), value
