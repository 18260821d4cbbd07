"""The benchmark of many records runs, and each file is read once."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from benchmarks import records as bench
from harness import record
from harness.cli.main import app
from harness.provenance import code
from harness.report.collect import collect
from harness.runtime import Runtime
from harness.utils import json_file
from tests.test_record import made


@pytest.mark.slow
def test_a_growth_is_measured():
    done = CliRunner().invoke(bench.command, ["--number", "5"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1].split()[0] == "5"


@pytest.mark.slow
def test_a_report_of_all_tables_reads_each_file_once(tmp_path, monkeypatch):
    for each in list(bench._records(10)):
        record.write(tmp_path, each, b"")
    (tmp_path / "tables").mkdir()
    for name in ("table_b", "table_c"):
        (tmp_path / "tables" / f"{name}.md").write_text("")
    opened = []
    read_bytes = json_file.read_bytes

    def counted(path, **limits):
        opened.append(path)
        return read_bytes(path, **limits)

    monkeypatch.setattr(json_file, "read_bytes", counted)
    done = CliRunner().invoke(app, ["report", "--results", str(tmp_path)])
    assert done.exit_code == 0, done.output
    records = [path for path in opened if path.parent.name == "records" and path.suffix == ".json"]
    assert len(records) == len(set(records)) == 10


def test_code_is_hashed_no_more_often_for_more_records(tmp_path, monkeypatch):
    hashes, calls = code.hashes, []
    monkeypatch.setattr(code, "hashes", lambda trial: calls.append(trial) or hashes(trial))
    (request,) = (
        each
        for each in bench._requests(Runtime(results=tmp_path, data=tmp_path / "data"))
        if each.experiment.name == "table_b"
    )
    trial = request.rescale(request.experiment.rows[0].trial)
    counts = []
    for number in (1, 30):
        own = [made(replace(trial, seed=seed)) for seed in range(number)]
        calls.clear()
        table = collect(request, own)
        assert {len(row.records) for row in table.rows} == {number, 0}
        counts.append(len(calls))
    assert counts[0] == counts[1]


def test_a_file_that_has_settled_is_read_once_and_a_changed_one_again(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.utils.read_once._TICK_NS", -1)
    monkeypatch.setattr("harness.utils.read_once._SECOND_NS", -1)
    record.write(tmp_path, made(), b"")
    first = record.read(tmp_path, made().key)
    assert record.read(tmp_path, made().key) is first
    assert record.read_all(tmp_path)[0] is first
    record.write(tmp_path, made(top1=51.0), b"")
    assert record.read(tmp_path, made().key).metrics["top1"] == 51.0


def test_a_file_changed_at_once_in_place_is_read_again(tmp_path):
    record.write(tmp_path, made(), b"")
    path = tmp_path / "records" / f"{made().key}.json"
    for top1 in (51.0, 52.0, 53.0):
        path.write_bytes(record.as_json(made(top1=top1)))
        assert record.read(tmp_path, made().key).metrics["top1"] == top1


def test_records_are_found_by_their_trial_whatever_the_seed(tmp_path):
    found = record.Records([made(), made(passport="q"), made(top1=3.0)])
    assert found.of(made().trial) == list(found)
    assert found.of({**made().trial, "seed": 7}) == list(found)
    options = {**made().trial["data"], "options": {"seed": 1}}
    assert found.of({**made().trial, "data": options}) == []
    assert found.without(made().key, "gone").of(made().trial) == [made(passport="q")]
