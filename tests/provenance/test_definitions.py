"""What a definition's hash covers, and what it does not."""

from textwrap import dedent

import pytest

from harness.provenance.definitions import TOP_LEVEL, Package

MAIN = """
    from pack import helper
    from pack.helper import half, TABLE

    LIMIT = 3

    def run(x):
        return helper.twice(half(x)) + LIMIT + len(TABLE)

    def unused():
        return helper.unused()
"""
HELPER = """
    TABLE = {"a": 1}

    def twice(x):
        return 2 * x

    def half(x):
        return x / 2

    def unused():
        return 0
"""


def package(root, **modules):
    folder = root / "pack"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ({"__init__": ""} | modules).items():
        path = folder.joinpath(*name.split("__")) if "__" in name[1:-2] else folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(dedent(text))
    return Package(root, "pack", left_out=("pack.values",), registries=("REGISTRY",))


def hashes(root, entry="pack.main:run", **modules):
    return {each.label: each.digest for each in package(root, **modules).reach([entry])}


@pytest.fixture
def before(tmp_path):
    return hashes(tmp_path / "before", main=MAIN, helper=HELPER)


def changed(before, after):
    return {name for name in before | after if before.get(name) != after.get(name)}


def test_only_what_is_reached_is_hashed(before):
    assert list(before) == ["run", "twice", "half", "LIMIT", "TABLE"]


def test_prose_and_formatting_change_nothing(before, tmp_path):
    prose = dedent(HELPER).replace("return 2 * x", '"""Double."""\n    return (\n2 *\nx)  # why')
    assert hashes(tmp_path, main=MAIN, helper=f'"""Module."""\n{prose}') == before


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [("2 * x", "3 * x", "twice"), ("x / 2", "x // 2", "half"), ('"a": 1', '"a": 2', "TABLE")],
)
def test_a_change_is_that_of_one_definition(before, tmp_path, old, new, name):
    after = hashes(tmp_path, main=MAIN, helper=HELPER.replace(old, new))
    assert changed(before, after) == {name}


def test_what_is_not_reached_may_change(before, tmp_path):
    assert hashes(tmp_path, main=MAIN, helper=HELPER.replace("return 0", "return 1")) == before


def test_a_moved_definition_keeps_every_hash(before, tmp_path):
    moved = MAIN.replace("from pack import helper", "import pack.room.tool as helper")
    moved = moved.replace("from pack.helper import half", "from pack.other import half")
    twice = "from pack.other import unused\n\ndef twice(x):\n    return 2 * x\n"
    after = hashes(
        tmp_path,
        main=moved.replace("half, TABLE", "half as halved, TABLE").replace("half(x)", "halved(x)"),
        room__tool=twice,
        other=HELPER,
        room____init__="",
    )
    assert after == before


def test_an_import_inside_a_function_is_written_alike(before, tmp_path):
    inside = MAIN.replace("    from pack import helper\n", "").replace(
        "def run(x):\n", "def run(x):\n        from pack import helper\n"
    )
    assert hashes(tmp_path, main=inside, helper=HELPER) == before


def test_a_name_from_elsewhere_is_its_full_path(tmp_path):
    def one(name, text):
        return hashes(tmp_path / name, main=text)["run"]

    long = one("a", "import os.path\ndef run(x):\n    return os.path.join(x)\n")
    short = one("b", "from os import path as p\ndef run(x):\n    return p.join(x)\n")
    other = one("c", "import posixpath as p\ndef run(x):\n    return p.join(x)\n")
    assert long == short != other


def test_a_local_name_is_no_definition(tmp_path):
    text = """
        def half(x): return x / 2
        def x(): return 1
        def run(half, y):
            [x for x in half]
            class Inner:
                y = 1
                def method(self): return y
            return lambda x: x + half
    """
    assert list(hashes(tmp_path, main=text)) == ["run"]


def test_a_comprehension_and_a_nested_scope_hide_nothing_around_them(tmp_path):
    text = """
        def half(x): return x / 2
        def once(): return 1
        def run(ys):
            def inner():
                once = 2
                return once
            return [half for half in ys], half(2), once()
    """
    assert list(hashes(tmp_path, main=text)) == ["run", "half", "once"]


def test_a_class_and_a_comprehension_read_from_around_them(tmp_path):
    text = """
        def size(): return 1
        def items(): return [1]
        def run():
            class Inner:
                size = size()
            return [items for items in items()]
    """
    assert list(hashes(tmp_path, main=text)) == ["run", "size", "items"]


@pytest.mark.parametrize(
    "line",
    [
        "from . import helper",
        "from .helper import half",
        "from pack.helper import *",
    ],
)
def test_relative_and_star_imports_are_followed(tmp_path, line):
    call = "helper.half(2)" if line.endswith("helper") else "half(2)"
    main = f"{line}\ndef run(): return {call}\n"
    assert list(hashes(tmp_path, main=main, helper=HELPER)) == ["run", "half"]


def test_a_second_definition_of_a_name_is_numbered(tmp_path):
    helper = "def run(): return twice()\ndef twice(): return 2\n"
    main = "from pack import helper\ndef run(): return helper.run()\n"
    assert list(hashes(tmp_path, main=main, helper=helper)) == ["run", "run#2", "twice"]


@pytest.mark.parametrize("path", ['"pack.helper"', "helper", "helper.__file__"])
def test_a_module_reached_by_its_name_alone_is_reached_whole(tmp_path, path):
    main = f"from pack import helper\ndef run(): return load({path})\n"
    found = hashes(tmp_path, main=main, helper=HELPER)
    assert set(found) == {"run", "TABLE", "twice", "half", "unused"}


def test_a_definition_reached_by_its_path_in_a_string_is_reached(tmp_path):
    main = 'def run(): return load("pack.helper:half")\n'
    assert set(hashes(tmp_path, main=main, helper=HELPER)) == {"run", "half"}


def test_what_a_reached_module_does_when_it_is_imported_counts(tmp_path):
    acting = HELPER + "\n    register(TABLE)\n"
    before = hashes(tmp_path / "a", main=MAIN, helper=acting)
    after = hashes(tmp_path / "b", main=MAIN, helper=acting.replace("register", "remove"))
    assert changed(before, after) == {TOP_LEVEL}


def test_a_definition_on_condition_is_one(tmp_path):
    text = "if here:\n    LIMIT = 1\nelse:\n    LIMIT = 2\n\ndef run(): return LIMIT\n"
    one, two = (
        hashes(tmp_path / str(limit), main=text.replace("2", limit)) for limit in ("2", "3")
    )
    assert changed(one, two) == {"LIMIT"}


def test_registries_and_values_are_neither_hashed_nor_followed(tmp_path):
    main = """
        from pack.values import Value
        REGISTRY = {"half": "pack.helper:half"}
        def run(value: Value): return REGISTRY
    """
    found = hashes(tmp_path, main=main, helper=HELPER, values="class Value: size = 1\n")
    assert list(found) == ["run"]


def test_a_definition_says_where_it_stands(tmp_path):
    reached = package(tmp_path, main=MAIN, helper=HELPER).reach(["pack.main:run"])
    assert {each.label: each.module for each in reached}["half"] == "pack.helper"
