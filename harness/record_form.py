"""The form of a record: its key, its checksum, and the checks of one that was read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.specs import Trial, as_dict
from harness.utils.json_file import schema

FORMAT = 2
GIVEN_FOLDER = "given"  # in a results folder: weights that were scored and not trained
DIGITS = 20  # of a key
_MAX_CODES = 200  # of several hundred definitions each

_Items = frozenset[tuple[str, str]]
_codes: dict[_Items, tuple[dict[str, str], str]] = {}  # those checked, with their JSON


def hash_code(code: Mapping[str, str]) -> str:
    """Hash the definitions that a trial runs."""
    return checksum(code)[:DIGITS]


def trial_key(trial: Trial, passport: str) -> str:
    """Return the key of a trial on a copy of the data: a hash of every field."""
    return key_of(as_dict(trial), passport)


def key_of(trial: Mapping[str, Any], passport: str) -> str:
    """Return the key of a trial whose fields are as JSON holds them."""
    canonical = json.dumps({"trial": trial, "passport": passport}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]


def check(body: Any, path: Path) -> None:
    """Check a record that was read, and take its checksum out of it.

    Raises:
        ValueError: If it is no record, was altered or moved, with the fault.
    """
    layout = body.get("format") if isinstance(body, dict) else None
    if isinstance(layout, int) and layout != FORMAT:
        found = ascii(layout)[:DIGITS]
        raise ValueError(f"it has layout {found}, but this version reads layout {FORMAT}")
    items = _items_of_code(body)
    known = _codes.get(items) if items is not None else None
    schema.check(body if known is None else body | {"code": {}}, "record")
    _check_training(body, is_given=path.parents[1].name == GIVEN_FOLDER)
    body["code"], code = known or (body["code"], json.dumps(body["code"], sort_keys=True))
    if body.pop("checksum") != _checksum_with(code, body):
        raise ValueError("it was altered")
    if items is not None and len(_codes) < _MAX_CODES:
        _codes.setdefault(items, (body["code"], code))
    if body["key"] != (key := key_of(body["trial"], body["passport"])):
        raise ValueError(f"it was altered: its trial has the key {key}, not {body['key']}")
    if key != path.stem:
        raise ValueError(f"it was moved: it is the record of {key}")


def _items_of_code(body: Any) -> _Items | None:
    """Return what a record says of its code, to find it among those that were checked.

    Thousands of records share a few codes, which are most of their text.
    """
    try:
        return frozenset(body["code"].items())
    except (TypeError, KeyError, AttributeError):  # the schema says why
        return None


def _checksum_with(code: str, body: Mapping[str, Any]) -> str:
    """Return the `checksum` of a record whose code, its first field by name, is JSON already."""
    rest = {name: value for name, value in body.items() if name != "code"}
    text = json.dumps(rest, sort_keys=True)
    return hashlib.sha256(f'{{"code": {code}, {text[1:]}'.encode()).hexdigest()


def _check_training(body: Mapping[str, Any], *, is_given: bool) -> None:
    """Check that a record tells of training, unless it is one of given weights in their folder."""
    is_trained = bool(body["history"]) and {"train", "seed"} <= set(body["trial"])
    if is_trained is is_given:
        found = "given weights" if is_given else "a trial"
        raise ValueError(f"it is not the record of {found}")


def checksum(body: Mapping[str, Any]) -> str:
    """Hash JSON whatever the order of its fields."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
