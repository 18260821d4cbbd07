"""The schemas of files: what the quick validator says is what JSON Schema says."""

import copy
import json
import random
from dataclasses import fields

import jsonschema
import pytest

from experiments.scales import Changes
from harness import record
from harness.utils import json_file
from harness.utils.json_file import schema
from tests.fuzz import targets
from tests.test_record import made

NAMES = sorted(path.stem for path in schema.FOLDER.glob("*.json"))
VALUES = (None, True, -1, 0, 2.5, 10**30, "", "x" * 2_000, "../x", [], [None], {}, {"x": []})
EXAMPLES = {
    "record": json.loads(record.as_json(made())),
    "status": {
        "run": "r",
        "sequence": 1,
        "phase": "ended",
        "seconds": 1.5,
        "seconds_left": None,
        "parts": [
            {"key": "k", "name": "n", "state": "failed", "epoch": 0, "epochs": 1, "why": "w"}
        ],
    },
    "manifest": json.loads(targets.seeds()[targets.manifests]),
    "lock": {"what": "w", "pid": 7, "host": "h", "since": "now", "process": "7 2.00"},
    "stop": {"run": "r", "now": False},
    "verification": {
        "passport": "0" * 64,
        "digest": "1" * 64,
        "stamps": "2" * 64,
        "scopes": {"3" * 64: 1.7e9},
    },
    "passport": {
        "listed": {"train": 2},
        "classes": ["x"],
        "root": ".",
        "changed": "",
        "also": [".."],
        "unused": {"hidden files": {"count": 1, "examples": [".x"]}},
        "splits": {
            "train": [
                {
                    "id": "a",
                    "path": "a.mp4",
                    "labels": [0],
                    "sha256": "0" * 64,
                    "frames": 8,
                    "stamp": [7, 8],
                    "timing": {"unit": "1/30", "step": "", "stamps": [0, 1]},
                    "turned": True,
                }
            ]
        },
    },
    "checked_video": {
        "path": "a.mp4",
        "rules": "r",
        "facts": {"verdict": "ok", "frames": 8, "stamps": [0, None], "step": None},
        "stamp": [7, 8],
        "tries": 1,
        "given": [60.0, 1000],
        "packets": "eA==",
    },
    "copied_video": {
        "id": "a",
        "source_sha256": "0" * 64,
        "sha256": "",
        "bytes": 0,
        "damage": "cut",
    },
    "declaration": {
        "declared": "2026",
        "commit": "abc",
        "passports": ["p"],
        "before_results": True,
        "margin": 1.5,
        "claims": [
            {
                "trials": ["t"],
                "before_results": True,
                "kind": "better",
                "metric": "top1",
                "limit": None,
            }
        ],
    },
}


def places(value, place=()):
    """Yield the place of every value inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        yield (*place, name)
        if isinstance(item, dict | list):
            yield from places(item, (*place, name))


def damaged(value, rng):
    """Return a copy with one value lost, foreign or of another kind."""
    value = copy.deepcopy(value)
    *above, name = rng.choice(list(places(value)))
    target = value
    for step in above:
        target = target[step]
    if rng.random() < 0.3:
        del target[name]
    elif isinstance(target, dict) and rng.random() < 0.3:
        target[f"{name}!"] = rng.choice(VALUES)
    else:
        target[name] = rng.choice(VALUES)
    return value


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_takes_its_example(name):
    whole = json.loads((schema.FOLDER / f"{name}.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(whole)
    schema.check(EXAMPLES[name], name)


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_told_as_json_schema_tells_it(name):
    whole = json.loads((schema.FOLDER / f"{name}.json").read_bytes())
    validator, rng = jsonschema.Draft202012Validator(whole), random.Random(0)
    for _ in range(200):
        value = damaged(EXAMPLES[name], rng)
        fault = fault_of(value, name)
        assert (fault is None) == validator.is_valid(value), (fault, value)
        assert len(fault or "") < 300


def fault_of(value, name):
    try:
        schema.check(value, name)
    except schema.SchemaError as error:
        return str(error)
    return None


def test_a_fault_names_its_place():
    body = copy.deepcopy(EXAMPLES["record"])
    body["history"][0]["loss"] = "low"
    with pytest.raises(schema.SchemaError, match=r"^history\[0\]\.loss: 'low' is not of type num"):
        schema.check(body, "record")


@pytest.mark.parametrize("line_break", ["\n", "\r", "\u2028"])
def test_a_line_break_after_a_key_is_no_key(line_break):
    body = EXAMPLES["record"] | {"key": EXAMPLES["record"]["key"][:19] + line_break}
    with pytest.raises(schema.SchemaError, match="key"):
        schema.check(body, "record")


@pytest.mark.parametrize("depth", [99, 101, 5_000, 200_000])
@pytest.mark.parametrize("inside", [b"", b'"[]"', b'"\\"["'])
def test_depth_is_counted_outside_of_text(depth, inside):
    content = b"[" * depth + inside + b"]" * depth
    if depth < json_file.MAX_DEPTH:
        json_file.loads(content)
    else:
        with pytest.raises(ValueError, match="nested deeper than 100 levels"):
            json_file.loads(content)


def test_brackets_in_text_neither_hide_depth_nor_make_it():
    json_file.loads(json.dumps(["[" * 5_000, "\\", '"]"']).encode())
    with pytest.raises(ValueError, match="nested deeper"):
        json_file.loads(b'["' + b"]" * 500 + b'", ' + b"[" * 300 + b"]" * 300 + b"]")


def test_the_changes_of_a_manifest_are_those_of_a_run_on_own_terms():
    whole = json.loads((schema.FOLDER / "manifest.json").read_bytes())
    assert set(whole["$defs"]["changes"]["properties"]) == {each.name for each in fields(Changes)}
