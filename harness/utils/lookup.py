"""Lookup of names in specifications and on the command line, with suggestions for wrong ones."""

import difflib
from collections.abc import Iterable, Mapping
from pkgutil import resolve_name
from typing import Any

_SIMILARITY = 0.8


def nearest_name(name: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name most similar to a wrong one, or None."""
    near = difflib.get_close_matches(name, sorted(allowed), n=1, cutoff=_SIMILARITY)
    return near[0] if near else None


def check_name(name: str, allowed: Iterable[str], *, what: str) -> str:
    """Return `name` if it is allowed.

    Raises:
        ValueError: Otherwise, with the nearest allowed name, or all of them.
    """
    names = sorted(allowed)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    choices = f"choose from {', '.join(names)}" if names else "none is allowed here"
    hint = f"did you mean {near[0]!r}?" if near else choices
    raise ValueError(f"unknown {what} {name!r}; {hint}")


def load_named(table: Mapping[str, str], name: str, *, what: str) -> Any:
    """Import and return the object that `table` lists as `package.module:attribute`.

    Raises:
        ValueError: If the table lacks the name.
    """
    return resolve_name(table[check_name(name, table, what=what)])


def freeze(value: Any) -> object:
    """Return a value of JSON in a form that can be looked up; equal values give equal forms."""
    if isinstance(value, Mapping):
        return frozenset((name, freeze(item)) for name, item in value.items())
    return tuple(map(freeze, value)) if isinstance(value, list | tuple) else value
