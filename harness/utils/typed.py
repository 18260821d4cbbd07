"""Dataclasses from JSON objects, checked field by field against their annotations."""

from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

_T = TypeVar("_T")


def build(kind: type[_T], body: object) -> _T:
    """Return a dataclass from a JSON object.

    Args:
        kind: A dataclass of text, numbers, choices, optional ones of these, and lists of
            dataclasses.
        body: As `json.loads` returns it.

    Raises:
        ValueError: If a field is missing, unknown, or of another type.
    """
    assert is_dataclass(kind)
    if not isinstance(body, dict):
        message = f"{kind.__name__}: {type(body).__name__} instead of an object"
        raise ValueError(message)  # noqa: TRY004, one kind of error for a bad file
    hints = get_type_hints(kind)
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    if unfit := sorted((needed - set(body)) | (set(body) - set(hints))):
        raise ValueError(f"{kind.__name__}: {', '.join(unfit)} missing or unknown")
    return kind(**{name: _value(value, hints[name], name) for name, value in body.items()})


def _value(value: object, hint: Any, name: str) -> Any:
    """Return a value that fits an annotation."""
    if get_origin(hint) is Sequence and isinstance(value, list):
        (item,) = get_args(hint)
        return tuple(build(item, each) for each in value)
    if not _fits(value, hint):
        raise ValueError(f"{name}: {str(value)[:40]!r} does not fit")
    return value


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint) and isinstance(value, str)
    if isinstance(hint, UnionType):
        return any(_fits(value, choice) for choice in get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint
