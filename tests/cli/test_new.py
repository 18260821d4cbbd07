"""Skeletons that `harness new` writes: they work as they are."""

import re
import runpy
import sys

import pytest

from harness import tables
from harness.cli.main import app
from tests.tables.test_own_tables import attempt


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    tables.forget()
    for name in ("my_gate", "my_table", "my_clips"):
        sys.modules.pop(name, None)


def new(capsys, *words):
    app(["new", *words], standalone_mode=False)
    return capsys.readouterr().out.splitlines()


def written_tests(path):
    """Run the test functions of a written file that need no fixture."""
    return {name: test for name, test in runpy.run_path(path).items() if name.startswith("test_")}


def test_a_new_module_and_table_run(capsys, tmp_path):
    told = new(capsys, "module", "my_gate")
    assert told[:2] == ["my_gate.py", "test_my_gate.py"]
    assert told[2].endswith("harness new table my_gate_table --module my_gate.py:MyGate")
    told = new(capsys, "table", "my_table", "--module", "my_gate.py:MyGate")
    assert told[-1] == "Next: harness run ./my_table.py --smoke --seeds 1 --no-ray"
    trial = tables.load("./my_table.py").rows[2].trial
    assert trial.model.module == "my_gate.py:MyGate"
    assert "it ran" in attempt(trial, tmp_path)
    for test in written_tests("test_my_table.py").values():
        test()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), [("module", "my_gate"), ("dataset", "my_clips")])
def test_the_tests_that_are_written_pass(capsys, kind, name, tmp_path):
    new(capsys, kind, name)
    code = pytest.main(
        [
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-c",
            "/dev/null",
            "--rootdir",
            str(tmp_path),
            f"test_{name}.py",
        ]
    )
    assert code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["modul", "x"], "unknown kind 'modul'; did you mean 'module'?"),
        (["module", "My-Gate"], "use a-z, 0-9 and _"),
        (["module", "random"], "would hide the module random"),
        (["table", "table_b"], "is a table of the harness"),
        (["dataset", "kinetics400"], "is a data set of the harness"),
        (["module", "there"], "there.py exists already"),
    ],
)
def test_a_name_that_could_not_be_used_is_refused_and_nothing_is_written(tmp_path, words, said):
    (tmp_path / "there.py").write_text("mine")
    with pytest.raises(ValueError, match=re.escape(said)):
        app(["new", *words], standalone_mode=False)
    assert [path.name for path in tmp_path.iterdir()] == ["there.py"]
    assert (tmp_path / "there.py").read_text() == "mine"
