"""Every command that prints results has them as JSON, and nothing else on standard output."""

import json

import click
import pytest

import experiments
from harness.cli.main import app
from harness.cli.options import open_workspace
from harness.cli.report.records import find_record
from tests.helpers.command_line import harness
from tests.helpers.dataset_folders import class_folders
from tests.helpers.results_folders import add_record, row_trial

NO_JSON = {"ui": "serves until it is stopped", "zoo": "prints a page in Markdown"}


def commands(group, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_command_prints_json_but_those_with_a_reason():
    without = {
        name
        for name, command in commands(app)
        if not any("--json" in option.opts for option in command.params)
    }
    assert without == set(NO_JSON)


@pytest.fixture
def where(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "names", lambda: ["table_b"])  # for speed
    for seed in (0, 1):
        add_record(tmp_path / "results", row_trial(), seed=seed)
    return ["--results", tmp_path / "results"]


def printed(*words, code=0):
    ended = harness(*words, "--json")
    assert ended.returncode == code, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.slow
def test_reports_figures_and_syncs_are_json(where, tmp_path):
    results, data = tmp_path / "results", ["--data", tmp_path / "data"]
    report = printed("report", "table_b", *where, *data)
    (table,) = report["tables"]
    assert str(results / "tables" / "table_b.md") in table["files"]
    assert {row: bool(word) for row, word in table["verdicts"].items()}
    whole = printed("report", *where, *data)
    assert (results / "index.html").samefile(whole["page"])
    assert whole["trials"] == str(results / "trials.parquet")
    figures = printed("figures", "table_b", "--check", *where)
    assert figures["files"]
    assert figures["changed"] == figures["removed"] == []
    (results / "figures" / "table_b.svg").write_text("another")
    figures = printed("figures", "table_b", "--check", *where, code=1)
    assert figures["changed"] == [str(results / "figures" / "table_b.svg")]
    assert printed("sync", *where, *data) == {"runs": 3}


def test_a_run_of_nothing_and_a_skeleton_are_json(where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert printed("new", "module", "my_gate")["files"] == ["my_gate.py", "test_my_gate.py"]
    assert harness("stop", *where, "--json").returncode == 2
    assert harness("visualize", "table_b/II", *where, "--seed", 7, "--json").returncode == 2


@pytest.mark.slow
def test_a_check_of_data_is_json(tmp_path):
    root = class_folders(tmp_path / "root")
    (found,) = printed("data", "check", "kinetics400", "--root", root, "--data", tmp_path, code=1)
    assert found["name"] == "kinetics400"
    assert found["verdicts"]["train"]


def test_a_row_names_the_record_of_a_seed(where, tmp_path):
    workspace = open_workspace("desk", tmp_path / "results", tmp_path / "data")
    keys = {seed: find_record("table_b/DSA at II", workspace, seed).key for seed in (0, 1)}
    assert len({*keys.values()}) == 2
    assert find_record(keys[1][:8], workspace, 0).key == keys[1]
    with pytest.raises(
        ValueError, match=r"no record of table_b/DSA at II with seed 2 .* 0, 1; run"
    ):
        find_record("table_b/II", workspace, 2)
    with pytest.raises(ValueError, match=r"table_b/.* seed 0 at paper scale, none; run: harness"):
        find_record("table_b/II", open_workspace("paper", tmp_path / "results", tmp_path), 0)


def test_doctor_and_visualize_take_own_terms(where, tmp_path):
    workspace = open_workspace("desk", tmp_path / "results", tmp_path / "data", epochs=2)
    with pytest.raises(ValueError, match="at own scale"):
        find_record("table_b/II", workspace, 0)
    for words in (["doctor", "table_b"], ["visualize", "table_b/II"]):
        refused = harness(*words, "--width", 0.5)
        assert "--width changes a table at paper scale: add --scale paper" in refused.stderr


def test_tables_are_listed_in_columns():
    lines = harness("list").stdout.splitlines()
    columns = {len(line) - len(line[line.index("  ") :].lstrip()) for line in lines}
    assert len(columns) == 1
