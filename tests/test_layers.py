"""Who may import whom (docs/decisions/0001): the rooms of the design, read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted(path for top in ("harness", "benchmarks") for path in (ROOT / top).rglob("*.py"))
# Imports that break a rule still, to be mended one by one: a file, and what it may not import.
STILL: set[tuple[str, str]] = set()
OWNERS = {
    "ray": {"harness.schedule.ray", "benchmarks"},
    "mlflow": {"harness.tracking"},
    "av": {
        "harness.data.reading",
        "harness.data.prepare",
        "harness.data.datasets.desk",
        "benchmarks",
    },
    "matplotlib": {"harness.report.figures"},
}


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in PATHS}


def imported(path):
    """Return the names that a file imports, inside functions too, but not to check types."""
    found, tree = set(), ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def ours(path):
    """Return our modules among them."""
    names = imported(path)
    both = names | {name.rpartition(".")[0] for name in names}
    return {name for name in both if name in MODULES} - {"harness", module_of(path)}


def within(module, room):
    return f"{module}.".startswith(f"{room}.")


def forbidden(module, other):
    """Say which rule of the design an import breaks; None for those that are allowed."""
    room = module.split(".")[1] if within(module, "harness") and "." in module else ""
    if within(module, "harness") and within(other, "benchmarks"):
        return "nothing in harness imports benchmarks"
    if within(other, "harness.cli") and not within(module, "harness.cli"):
        return None if module == "harness.__main__" else "nothing imports cli"
    if module in ("harness.specs", "harness.experiment", "harness.runtime") or room == "utils":
        low = within(other, "harness.utils") or other in ("harness.specs", "harness.experiment")
        return None if low else "specs, experiment, runtime and utils import nothing above them"
    if room == "stats":
        low = within(other, "harness.stats") or other == "harness.experiment"
        return None if low else "stats imports experiment only"
    if room == "data" and within(other, "harness.zoo"):
        return "data does not import zoo"
    if room == "zoo" and within(other, "harness.data"):
        return "zoo does not import data"
    if room == "training" and (within(other, "harness.data") or within(other, "harness.zoo")):
        return "training imports neither data nor zoo"
    return None


def test_rooms_import_what_the_design_allows():
    broken = {
        (module, other)
        for module, path in MODULES.items()
        for other in ours(path)
        if forbidden(module, other)
    }
    assert broken == STILL


def test_a_trial_reaches_no_room_above_it():
    reached, waiting = set(), ["harness.trial"]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += ours(MODULES[module])
    above = ("cli", "plan", "schedule", "report", "tracking", "stats")
    assert {m for m in reached if any(within(m, f"harness.{room}") for room in above)} == set()


@pytest.mark.parametrize("library", OWNERS)
def test_a_heavy_library_has_one_owner(library):
    users = {
        m for m, path in MODULES.items() if library in {n.split(".")[0] for n in imported(path)}
    }
    assert users
    assert [m for m in users if not any(within(m, owner) for owner in OWNERS[library])] == []


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.py")), ids=lambda p: p.stem)
def test_a_table_needs_the_standard_library_only(path):
    allowed = {"collections", "dataclasses", "importlib", "pkgutil", "harness", "experiments"}
    names = imported(path)
    assert {name.split(".")[0] for name in names} <= allowed
    ours = {name.rpartition(".")[0] for name in names if name.startswith("harness")}
    assert ours <= {"harness.specs", "harness.experiment"}
