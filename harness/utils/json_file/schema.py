"""A quick validator of the part of JSON Schema that `harness/schemas` uses.

A number is finite; an integer has no decimal point.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "schemas"
Check = Callable[[Any], None]
Node = Mapping[str, Any]
_SHOWN = 60  # characters of a value in a fault
_REMEMBERED = 1_000  # objects
_ANNOTATIONS = {"$schema", "$id", "title", "description", "$defs"}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


class SchemaError(ValueError):
    """A value that a schema does not allow.

    Attributes:
        place: Names and positions that lead to it.
        reason: What is wrong with it.
    """

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{place.lstrip('.')}: {reason}" if place else reason)
        self.reason = reason
        self.place = place

    def below(self, place: str) -> "SchemaError":
        """Return the same fault as seen from one level above."""
        return SchemaError(self.reason, f"{place}{self.place}")


def check(value: Any, name: str) -> None:
    """Check a value of JSON.

    Args:
        value: As `json.loads` returns it.
        name: Of a file in `harness/schemas`.

    Raises:
        SchemaError: At the first place that the schema does not allow.
    """
    _load(name)(value)


@cache
def _load(name: str) -> Check:
    whole = json.loads((FOLDER / f"{name}.json").read_bytes())
    return _compile(whole, whole)


def _compile(node: Node, whole: Node) -> Check:
    """Return a function that checks a value against one node of a schema."""
    if "$ref" in node:
        return _compile(whole["$defs"][node["$ref"].rpartition("/")[2]], whole)
    names = [node["type"]] if isinstance(node["type"], str) else node["type"]
    known = _ANNOTATIONS.union({"type"}, *(_KEYWORDS[name] for name in names))
    assert known >= set(node), f"{sorted(set(node) - known)} are not understood"
    checks = {kind: _COMPILERS[name](node, whole) for name in names for kind in _TYPES[name]}

    def run(value: Any) -> None:
        own = checks.get(type(value))
        if own is None:
            raise SchemaError(f"{_shown(value)} is not of type {' or '.join(names)}")
        own(value)

    return run


def _compile_constant(_node: Node, _whole: Node) -> Check:
    return lambda _: None


def _compile_text(node: Node, _: Node) -> Check:
    allowed = frozenset(node["enum"]) if "enum" in node else None
    # In Python `$` also matches before a last line break.
    pattern = re.compile(node["pattern"].removesuffix("$") + r"\Z") if "pattern" in node else None
    longest = node.get("maxLength", math.inf)

    def run(value: str) -> None:
        if len(value) > longest:
            raise SchemaError(f"it is longer than {longest} characters")
        if allowed is not None and value not in allowed:
            raise SchemaError(f"{_shown(value)} is none of {', '.join(sorted(allowed))}")
        if pattern is not None and not pattern.search(value):
            raise SchemaError(f"{_shown(value)} is not of the form {node['pattern']}")

    return run


def _compile_number(node: Node, _: Node) -> Check:
    low = node.get("minimum", -sys.float_info.max)
    high = node.get("maximum", sys.float_info.max)

    def run(value: float) -> None:
        if not low <= value <= high:
            raise SchemaError(f"{_shown(value)} is not between {low} and {high}")

    return run


def _compile_object(node: Node, whole: Node) -> Check:
    fields = {key: _compile(sub, whole) for key, sub in node.get("properties", {}).items()}
    required = frozenset(node.get("required", ()))
    name_of_other = _compile({"type": "string"} | node.get("propertyNames", {}), whole)
    other = _compile(node.get("additionalProperties") or _NOTHING, whole)
    most = node.get("maxProperties", math.inf)

    def run(value: dict[str, Any]) -> None:
        if len(value) > most:
            raise SchemaError(f"it has more than {most} fields")
        if not required <= value.keys():
            raise SchemaError(f"the field {min(required - value.keys())} is missing")
        for name, item in value.items():
            try:
                if name in fields:
                    fields[name](item)
                else:
                    name_of_other(name)
                    other(item)
            except SchemaError as fault:
                raise fault.below(f".{_shown(name)[1:-1]}") from None

    return run if fields else _remembering(run)


def _remembering(run: Check) -> Check:
    """Return a check that passes equal objects of plain values once: thousands of records agree."""
    known: set[frozenset[Any]] = set()

    def run_once(value: dict[str, Any]) -> None:
        try:
            key = frozenset((name, type(item), item) for name, item in value.items())
        except TypeError:  # an item is a list or an object
            run(value)
            return
        if key not in known:
            run(value)
            if len(known) < _REMEMBERED:
                known.add(key)

    return run_once


def _compile_array(node: Node, whole: Node) -> Check:
    items = _compile(node["items"], whole)
    least, most = node.get("minItems", 0), node.get("maxItems", math.inf)

    def run(value: Sequence[Any]) -> None:
        if not least <= len(value) <= most:
            raise SchemaError(f"it has {len(value)} entries, not {least} to {most}")
        for position, item in enumerate(value):
            try:
                items(item)
            except SchemaError as fault:
                raise fault.below(f"[{position}]") from None

    return run


_NOTHING: Node = {"type": []}
_TEXT = {"enum", "pattern", "maxLength"}
_NUMBER = {"minimum", "maximum"}
_KEYWORDS: Mapping[str, set[str]] = {
    "object": {"properties", "required", "propertyNames", "additionalProperties", "maxProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": _TEXT,
    "integer": _NUMBER,
    "number": _NUMBER,
    "boolean": set(),
    "null": set(),
}
_COMPILERS: Mapping[str, Callable[[Node, Node], Check]] = {
    "object": _compile_object,
    "array": _compile_array,
    "string": _compile_text,
    "integer": _compile_number,
    "number": _compile_number,
    "boolean": _compile_constant,
    "null": _compile_constant,
}


def _shown(value: Any) -> str:
    """Return the start of a value as ASCII, on one line."""
    text = ascii(value) if not isinstance(value, dict | list) else f"a JSON {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
