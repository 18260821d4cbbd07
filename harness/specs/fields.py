"""Checks of the fields of a dataclass against their annotations.

An annotation is the rule: `Annotated[int, Within(at_least=1)]`, a `Literal`, a tuple, a mapping.
Numbers that are equal become one: 50.0 is 50 in a field of whole numbers, and a scalar of NumPy is
a number of Python.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from harness.specs.rules import OneOf, question

_SHOWN = 300  # letters of a value in a message
_TYPE_WORDS = {
    int: "a whole number",
    float: "a finite number",
    str: "text",
    bool: "True or False",
    tuple: "a tuple",
    Mapping: "a mapping",
    Callable: "a function",
}


def check_fields(spec: Any) -> None:
    """Check every field of a frozen dataclass, and replace numbers by those of its annotations.

    Raises:
        ValueError: If a value does not fit: names the field, the value, what is allowed and the
            nearest value that is.
    """
    kind: Any = type(spec)
    try:
        for name, hint in _hints(kind).items():
            object.__setattr__(spec, name, fit(getattr(spec, name), hint, name))
    except ValueError as error:
        raise ValueError(f"{_title(spec)}: {error}") from None


def _title(spec: Any) -> str:
    """Return the kind of a value, and what a table calls it."""
    titles = (getattr(spec, name, None) for name in ("label", "text"))
    return " ".join((type(spec).__name__, *(repr(title) for title in titles if title)))


def fit(value: Any, hint: Any, path: str) -> Any:
    """Return a value as its annotation spells it.

    Args:
        value: Of any type.
        hint: An annotation.
        path: Name of the value in messages.

    Raises:
        ValueError: If it does not fit.
    """
    value, origin, args = _plain(value), get_origin(hint), get_args(hint)
    if origin is Annotated:
        value = fit(value, args[0], path)
        for rule in args[1:]:
            value = _apply(rule, value, path)
        return value
    if origin is Literal:
        return _apply(OneOf(args), value, path)
    if origin in (Union, UnionType):
        return _fit_union(value, args, path)
    if origin is tuple:
        return _fit_tuple(value, hint, path)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _fit_mapping(value, args, path)
    return _fit_type(value, origin or hint, path)


def check_choices(owner: object, **choices: Any) -> None:
    """Check attributes of an object against `Literal` types.

    Raises:
        ValueError: If a value is not one of the choices.
    """
    for name, choice in choices.items():
        fit(getattr(owner, name), choice, name)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _plain(value: Any) -> Any:
    """Return a scalar of an array library as Python's, and anything else as it is."""
    is_scalar = hasattr(value, "item") and getattr(value, "ndim", None) == 0
    return value.item() if is_scalar else value


def _apply(rule: Callable[[Any], Any], value: Any, path: str) -> Any:
    try:
        return rule(value)
    except ValueError as error:
        raise ValueError(f"{path}={_shown(value)} {error}") from None


def _shown(value: Any) -> str:
    """Return a value as Python writes it, cut if it is very long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _fit_union(value: Any, args: tuple[Any, ...], path: str) -> Any:
    """Return a value as the alternative of its own type, else as the first that it fits."""
    if value is None and NoneType in args:
        return None
    kinds = [arg for arg in args if arg is not NoneType]
    same = [kind for kind in kinds if type(value) is (get_origin(kind) or kind)]
    first, *others = same or kinds
    for kind in others:
        try:
            return fit(value, kind, path)
        except ValueError:
            continue
    if same or len(kinds) == 1:
        return fit(value, first, path)
    words = [_TYPE_WORDS.get(get_origin(kind) or kind, str(kind)) for kind in kinds]
    raise ValueError(f"{path}={_shown(value)} must be {', '.join(words[:-1])} or {words[-1]}")


def _fit_tuple(value: Any, hint: Any, path: str) -> tuple[Any, ...]:
    kinds = get_args(hint)
    is_open = len(kinds) == 2 and kinds[1] is Ellipsis
    if not isinstance(value, tuple):
        candidates = [tuple(value)] if isinstance(value, (list, set, range)) else [(value,)]
        raise _wrong_type(value, tuple, path, candidates, hint)
    if not is_open and len(value) != len(kinds):
        raise ValueError(f"{path}={_shown(value)} must have {len(kinds)} values, not {len(value)}")
    each = (kinds[0],) * len(value) if is_open else kinds
    return tuple(
        fit(item, kind, f"{path}[{place}]")
        for place, (item, kind) in enumerate(zip(value, each, strict=True))
    )


def _fit_mapping(value: Any, args: tuple[Any, ...], path: str) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _wrong_type(value, Mapping, path)
    return {
        fit(key, args[0], f"{path}: key"): fit(item, args[1], f"{path}[{key!r}]")
        for key, item in value.items()
    }


def _fit_type(value: Any, kind: Any, path: str) -> Any:
    """Return a value of a plain type, a number as that type spells it."""
    if kind is Any or (kind is Callable and callable(value)):
        return value
    is_number = isinstance(value, Real) and not isinstance(value, bool) and _is_finite(value)
    if kind is int and is_number and (isinstance(value, Integral) or value == int(value)):
        return int(value)
    if kind is float and is_number:
        return float(value) + 0.0  # -0.0 is 0.0
    if kind not in (int, float, Callable) and isinstance(value, kind):
        return str(value) if kind is str else value
    raise _wrong_type(value, kind, path, _candidates(value, kind), kind)


def _is_finite(value: Any) -> bool:
    """Return whether a number is that of a `float`, or near one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _candidates(value: Any, kind: Any) -> Iterable[Any]:
    """Yield values that one may mean by a value of the wrong type."""
    if kind in (int, float) and isinstance(value, str):
        for number in (int, float):
            try:
                yield number(value)
            except ValueError:
                continue
    if kind is int and isinstance(value, float) and math.isfinite(value):
        yield round(value)
    if kind is bool and value in (0, 1):
        yield bool(value)


def _wrong_type(
    value: Any, kind: Any, path: str, candidates: Iterable[Any] = (), hint: Any = None
) -> ValueError:
    word = _TYPE_WORDS.get(kind, f"of the type {getattr(kind, '__name__', kind)}")
    for candidate in candidates:
        try:
            word += question(fit(candidate, hint, path))
        except ValueError:
            continue
        break
    return ValueError(f"{path}={_shown(value)} must be {word}")
