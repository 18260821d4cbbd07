"""Where two nested dictionaries differ, leaf by leaf."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A leaf that differs; `ABSENT` where one side has no such leaf."""

    path: str
    one: Any
    other: Any


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    """List the leaves in which two nested dictionaries differ, by path."""
    mine, theirs = dict(_leaves(one, ())), dict(_leaves(other, ()))
    return [
        Difference(path=path, one=mine.get(path, ABSENT), other=theirs.get(path, ABSENT))
        for path in sorted(mine | theirs)
        if _canonical(mine.get(path, ABSENT)) != _canonical(theirs.get(path, ABSENT))
    ]


def format_value(value: object) -> str:
    """Say a value in words."""
    return "none" if value is None else "default" if value == ABSENT else str(value)


def _canonical(value: Any) -> str:
    """Tell 40 from 40.0, as the key of a trial does."""
    return json.dumps(value, sort_keys=True)


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, name))
        else:
            yield ".".join((*above, name)), value
