"""Which definitions the record of a trial depends on."""

import ast
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness.provenance import code
from harness.provenance.definitions import Package
from harness.provenance.syntax import bound

TRIAL = desk(EXPERIMENT.rows[3].trial)
SOURCES = Path(code.__file__).parents[1]


@pytest.fixture
def tree(tmp_path):
    """Return a copy of the package that may be changed."""
    shutil.copytree(SOURCES, tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def hashes(tree, monkeypatch):
    copied = Package(tree, "harness", left_out=code._LEFT_OUT, registries=code._REGISTRIES)
    with monkeypatch.context() as patched:
        patched.setattr(code, "_package", lambda *own_code: copied)
        patched.setattr(code, "_reach", code._reach.__wrapped__)
        return code.hashes(TRIAL)


def file_of(tree, module):
    return tree.joinpath(*module.split(".")).with_suffix(".py")


def test_a_trial_reaches_what_it_names_and_nothing_that_only_looks_at_it():
    places = code.places(TRIAL)
    assert {"run", "train", "DSA", "ResNet", "read_frames", "learning_rate"} <= set(places)
    assert not {"V4D", "SE", "Experiment", "Trial", "Runtime"} & set(places)
    assert "V4D" in code.all_hashes()


def test_trials_that_name_the_same_run_the_same_code():
    trials = [desk(row.trial) for row in EXPERIMENT.rows]
    assert code.hashes(trials[3]) == code.hashes(trials[4])
    assert code.hashes(trials[3]) != code.hashes(trials[1])


@pytest.mark.parametrize("name", ["learning_rate", "timeline", "DSA", "top_k", "read_frames"])
def test_moving_a_reached_file_changes_no_hash(tree, monkeypatch, name):
    old, new = file_of(tree, code.places(TRIAL)[name]), tree / "harness" / "room" / "elsewhere.py"
    new.parent.mkdir()
    names = [
        target
        for node in ast.parse(old.read_text()).body
        for target in bound(node)
        if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    old.rename(new)
    old.write_text(f"from harness.room.elsewhere import {', '.join(names)}\n")
    assert hashes(tree, monkeypatch) == code.hashes(TRIAL)


def test_a_changed_constant_is_named(tree, monkeypatch):
    path = file_of(tree, code.places(TRIAL)["learning_rate"])
    text = path.read_text()
    assert "math.pi" in text
    path.write_text(text.replace("math.pi", "3.0", 1))
    found = hashes(tree, monkeypatch)
    recorded = code.hashes(TRIAL)
    assert {name for name in recorded if recorded[name] != found[name]} == {"learning_rate"}


def test_an_unknown_network_is_a_sentence():
    wrong = replace(TRIAL, model=replace(TRIAL.model, backbone="resnet51"))
    with pytest.raises(ValueError, match="unknown backbone 'resnet51'; did you mean"):
        code.hashes(wrong)
