"""Names in specifications and on the command line: look them up, or say what was meant."""

import difflib
from collections.abc import Iterable, Mapping
from pkgutil import resolve_name
from typing import Any

_ALIKE = 0.8


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name that is most like a wrong one, if one is."""
    near = difflib.get_close_matches(name, sorted(allowed), n=1, cutoff=_ALIKE)
    return near[0] if near else None


def check_name(name: str, allowed: Iterable[str], *, what: str) -> str:
    """Return `name` if it is allowed.

    Raises:
        ValueError: Otherwise; the message holds the nearest allowed name, or all of them.
    """
    known = sorted(allowed)
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
    raise ValueError(f"unknown {what} {name!r}; {hint}")


def load_named(table: Mapping[str, str], name: str, *, what: str) -> Any:
    """Import and return the object that `table` lists as `package.module:attribute`.

    Raises:
        ValueError: If the table lacks the name.
    """
    return resolve_name(table[check_name(name, table, what=what)])
