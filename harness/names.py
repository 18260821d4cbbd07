"""Names in specifications and on the command line: look them up, or say what was meant."""

import difflib
from collections.abc import Iterable, Mapping
from pkgutil import resolve_name
from typing import Any


def check(name: str, allowed: Iterable[str], *, what: str) -> str:
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


def place(table: Mapping[str, str], name: str, *, what: str) -> str:
    """Return the module of what `table` lists as `package.module:attribute`.

    Raises:
        ValueError: If the table lacks the name.
    """
    return table[check(name, table, what=what)].partition(":")[0]


def find(table: Mapping[str, str], name: str, *, what: str) -> Any:
    """Import and return the object that `table` lists as `package.module:attribute`.

    Raises:
        ValueError: If the table lacks the name.
    """
    return resolve_name(table[check(name, table, what=what)])
