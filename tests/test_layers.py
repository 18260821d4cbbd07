"""Who may import whom (docs/decisions/0001): the layers of the design, read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    {"specs"},
    {
        "cells",
        "claims",
        "compare",
        "coverage",
        "declared",
        "differences",
        "escape",
        "facts",
        "files",
        "known",
        "lock",
        "matching",
        "metrics",
        "names",
        "plan",
        "power",
        "process",
        "rates",
        "record",
        "resample",
        "resolution",
        "room",
        "runtime",
        "scores",
        "status",
        "stopping",
        "verdict",
    },
    {
        "checkpoint",
        "copies",
        "cost",
        "counted",
        "data",
        "memory",
        "norms",
        "provenance",
        "ranks",
        "sidebyside",
        "source",
        "zoo",
    },
    {"evaluate", "train"},
    {"trial"},
    {
        "answers",
        "attempt",
        "board",
        "budget",
        "claims_text",
        "collect",
        "costs",
        "elastic",
        "evidence",
        "explain",
        "figures",
        "findings",
        "footing",
        "joining",
        "judge",
        "mirror",
        "nodes",
        "page",
        "progress",
        "replay",
        "request",
        "report",
        "schedule",
        "spread",
        "told",
        "track",
        "tradeoff",
        "turns",
        "ui",
        "visualize",
        "why",
    },
    {"bench_clips", "bench_peers"},
    {"bench_duels"},
    {
        "__main__",
        "bench",
        "bench_data",
        "bench_idle",
        "bench_laps",
        "bench_loader",
        "bench_logger",
        "bench_nets",
        "bench_schedule",
        "bench_tracking",
        "bench_train",
        "bench_train_rows",
        "bench_train_setting",
        "bench_train_text",
        "commands_bench",
        "commands_cluster",
        "commands_copy",
        "commands_data",
        "commands_figures",
        "commands_plan",
        "doctor",
        "here",
        "launch",
        "options",
        "outlook",
        "publish",
        "reproduce",
        "step",
    },
]
FIGURES = ("bubbles", "curves", "labels", "scenes", "style", "tables", "tradeoff")
OWNERS = {
    "ray": {"bench_schedule", "joining", "nodes", "schedule", "spread", "turns"},
    "mlflow": {"track.address", "track.content", "track.store"},
    "av": {
        "bench_clips",
        "bench_data",
        "bench_loader",
        "bench_peers",
        "data.copy",
        "data.decode",
        "data.desk",
        "data.local",
        "data.packets",
        "data.planned",
        "data.probe",
        "data.reencode",
    },
    "matplotlib": {f"figures.{name}" for name in FIGURES},
}


def modules():
    paths = sorted((ROOT / "harness").rglob("*.py"))
    names = [path.relative_to(ROOT / "harness").with_suffix("").parts for path in paths]
    return [".".join(parts).removesuffix("__init__").strip(".") for parts in names]


MODULES = [name for name in modules() if name]


def layer(module):
    part = module.split(".")[0]
    return next(number for number, names in enumerate(LAYERS) if part in names)


def imports(module):
    found = set()
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found | {name.rpartition(".")[0] for name in found}


def ours(module):
    known = {f"harness.{name}" for name in MODULES}
    return {name.removeprefix("harness.") for name in imports(module) & known}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_its_own_layer_or_a_lower_one(module):
    assert [name for name in ours(module) if layer(name) > layer(module)] == []


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith(("data", "zoo"))])
def test_data_and_zoo_never_import_each_other(module):
    other = "zoo" if module.startswith("data") else "data"
    assert [name for name in ours(module) if name.split(".")[0] == other] == []


@pytest.mark.parametrize("module", ["train", "evaluate"])
def test_training_receives_its_module_and_its_batches(module):
    assert [name for name in ours(module) if name.split(".")[0] in ("data", "zoo")] == []


def third_party(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return found


def path_of(module):
    stem = ROOT.joinpath("harness", *module.split("."))
    return stem.with_suffix(".py") if stem.with_suffix(".py").is_file() else stem / "__init__.py"


@pytest.mark.parametrize("library", OWNERS)
def test_a_heavy_library_has_one_owner(library):
    users = {module for module in MODULES if library in third_party(path_of(module))}
    assert users == OWNERS[library]


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.py")), ids=lambda p: p.stem)
def test_a_table_needs_the_standard_library_only(path):
    allowed = {"collections", "dataclasses", "importlib", "pkgutil", "harness", "experiments"}
    assert third_party(path) <= allowed
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("harness"):
            assert node.module == "harness.specs"
