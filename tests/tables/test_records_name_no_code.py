"""A record of somebody else names code, and no command runs it."""

import contextlib
import sys
from dataclasses import replace

import click
import pytest

import experiments
import harness
from harness import tables
from harness.cli.main import app
from tests.helpers.own_code import write
from tests.helpers.results_folders import add_record, row_trial

NAMES = ["zz_planted.py:Gate", "zz_planted_package.gates:Gate", "zz_planted_package:Gate"]
COMMANDS = [
    ["report", "table_b", "--parquet"],
    ["why", "KEY"],
    ["visualize", "KEY"],
    ["sync"],
    ["prune"],
    ["diff", "RESULTS"],
    ["bundle", "--out", "bundle.tar.gz"],
    ["verify", "bundle.tar.gz"],
    ["evaluate", "KEY"],
    ["export", "KEY"],
]


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Lay code in the current folder and on the path; return a file that exists once it ran."""
    mark = tmp_path / "it ran"
    code = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nGate = None\n"
    (tmp_path / "zz_planted.py").write_text(code)
    for path in (tmp_path / "site" / "zz_planted_package", tmp_path / "results"):
        path.mkdir(parents=True)
        (path / "__init__.py").write_text(code)
        (path / "gates.py").write_text(code)
        (path / "zz_planted.py").write_text(code)
    monkeypatch.setattr(experiments, "names", lambda: ["table_b"])  # for speed
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    yield mark
    tables.forget()


@pytest.mark.slow
def test_no_command_imports_what_a_record_names(planted, tmp_path):
    results = tmp_path / "results"
    trial = row_trial()
    add_record(results)
    keys = []
    for field, name in zip(("module", "backbone", "module"), NAMES, strict=True):
        model = replace(trial.model, **{field: name})
        keys.append(add_record(results, replace(trial, model=model), code={"c": "c"}).key)
    for command in COMMANDS:
        for key in keys if command[0] == "visualize" else keys[:1]:
            words = {"KEY": key, "RESULTS": str(results)}
            told = [words.get(word, word) for word in command]
            options = ["--data", "data"] if command[0] in ("report", "bundle") else []
            run([*told, "--results", str(results), *options])
    assert set(harness.results(results).state) == {"fresh", "unknown"}
    assert not planted.exists()
    assert not {name for name in sys.modules if name.startswith("zz_planted")}


def run(words):
    with contextlib.suppress(ValueError, OSError, SystemExit, click.ClickException):
        app(words, standalone_mode=False)


def test_the_same_name_runs_where_the_user_names_the_file(planted, tmp_path):
    """Without this the test above could not fail."""
    path = write(tmp_path, module="zz_planted.py:Gate")
    tables.load(str(path))
    from harness.utils.lookup import load_named
    from harness.zoo import MODULES

    assert not planted.exists()
    load_named(MODULES, "zz_planted.py:Gate", what="module")
    assert planted.exists()
