"""A file that is no record is named and set aside; every command goes on with the others."""

import json
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from experiments.table_b import EXPERIMENT
from harness import record
from harness.cli.main import app
from harness.experiment import Claim
from harness.report import build
from harness.schedule import results_folder
from harness.utils.json_file import BadFileError
from tests.helpers.bad_files import CONTENTS, KINDS, rekeyed, sealed
from tests.helpers.collected_tables import request
from tests.helpers.results_folders import add_record
from tests.helpers.tiny_trials import shrunk
from tests.test_record import TRIAL, made

GOOD = made(shrunk(TRIAL))
BAD = made(replace(shrunk(TRIAL), seed=1))


def plant(results, make):
    """Write a good record and a bad file in the place of another one, whose path is returned."""
    record.write(results, GOOD, b"scores")
    record.write(results, BAD, b"scores")
    path = results / "records" / f"{BAD.key}.json"
    body = json.loads(path.read_bytes())
    path.unlink()
    if make in KINDS:
        KINDS[make](path)
    else:
        path.write_bytes(CONTENTS[make](body))
    return path


@pytest.mark.parametrize("make", [*CONTENTS, *KINDS])
def test_a_bad_record_is_named_and_the_rest_is_read(tmp_path, make, caplog):
    path = plant(tmp_path, make)
    records = record.read_all(tmp_path)
    assert records == [GOOD]
    (fault,) = records.faults
    assert fault.startswith(str(path))
    assert len(fault) < len(str(path)) + 300
    assert fault.isprintable()
    assert str(path) in caplog.text
    with pytest.raises(BadFileError, match="delete it"):
        record.read(tmp_path, BAD.key)
    assert record.find(tmp_path, BAD.key) is None
    assert record.find(tmp_path, GOOD.key) == GOOD


@pytest.mark.parametrize("name", ["x", "../x", "A" * 20, "0" * 19, "0" * 21, "0" * 20 + "\n", ""])
def test_what_is_not_of_the_form_of_a_key_is_no_key(tmp_path, name):
    with pytest.raises(ValueError, match="is not a key"):
        record.read(tmp_path, name)


def test_a_record_under_another_name_is_refused(tmp_path):
    record.write(tmp_path, GOOD, b"")
    folder = tmp_path / "records"
    shutil.copy(folder / f"{GOOD.key}.json", folder / f"{BAD.key}.json")
    shutil.copy(folder / f"{GOOD.key}.json", folder / "notes.json")
    records = record.read_all(tmp_path)
    assert records == [GOOD]
    assert [f"is the record of {GOOD.key}" in fault for fault in records.faults] == [True, True]


def test_a_trial_with_another_number_has_another_key(tmp_path):
    record.write(tmp_path, GOOD, b"")
    path = tmp_path / "records" / f"{GOOD.key}.json"
    body = json.loads(path.read_bytes())
    body["trial"]["train"]["lr"] = 0.5
    path.write_bytes(sealed(rekeyed(body)))
    with pytest.raises(BadFileError, match="it was moved"):
        record.read(tmp_path, GOOD.key)


@pytest.mark.parametrize("odd", [5, [], None, {"m": 1}, {"m": ["x"]}, {"": "x"}])
def test_code_that_is_none_is_refused_whatever_was_read_before(tmp_path, odd):
    empty = replace(BAD, code={})
    record.write(tmp_path, empty, b"")
    assert record.read(tmp_path, BAD.key) == empty
    body = json.loads(record.as_json(empty)) | {"code": odd}
    (tmp_path / "records" / f"{BAD.key}.json").write_bytes(sealed(body))
    with pytest.raises(BadFileError, match="code"):
        record.read(tmp_path, BAD.key)


def test_records_of_equal_code_share_it_and_an_altered_one_is_refused(tmp_path):
    record.write(tmp_path, GOOD, b"")
    record.write(tmp_path, BAD, b"")
    one, other = record.read_all(tmp_path)
    assert one.code is other.code
    path = tmp_path / "records" / f"{BAD.key}.json"
    body = json.loads(path.read_bytes())
    name = next(iter(body["code"]))
    for code in (body["code"] | {name: "0" * 12}, dict([*body["code"].items()][1:]), {}):
        path.write_text(json.dumps(body | {"code": code}))
        with pytest.raises(BadFileError, match="it was altered"):
            record.read(tmp_path, BAD.key)


def test_a_record_that_another_writer_ordered_and_spelt_has_the_same_checksum(tmp_path):
    record.write(tmp_path, GOOD, b"")
    path = tmp_path / "records" / f"{GOOD.key}.json"
    body = json.loads(path.read_bytes())
    body["code"] = dict(reversed(body["code"].items()))
    path.write_text(json.dumps(dict(reversed(body.items())), separators=(",", ":")))
    assert record.read(tmp_path, GOOD.key) == GOOD


def test_a_records_folder_that_is_no_folder_holds_no_record(tmp_path):
    assert record.read_all(tmp_path) == []
    (tmp_path / "records").write_text("x")
    assert record.read_all(tmp_path) == []


def test_hidden_pieces_are_no_records(tmp_path):
    record.write(tmp_path, GOOD, b"")
    (tmp_path / "records" / f".{GOOD.key}.json.4711").write_text("{")
    (tmp_path / "records" / f".{GOOD.key}.json").write_text("{")
    records = record.read_all(tmp_path)
    assert (records, records.faults) == ([GOOD], ())


@pytest.mark.slow
def test_a_table_tells_the_page_what_was_set_aside(tmp_path):
    path = plant(tmp_path, "NaN")
    judged = build.collect_and_judge(request(EXPERIMENT, tmp_path))
    page = build.write_page([(judged, build.write(judged))]).read_text()
    assert f"records/{path.name} is not a record: it holds NaN" in page
    assert str(tmp_path) not in page


@pytest.mark.parametrize(
    "command",
    [
        ["plan", "table_b", "--seeds", "1"],
        ["why", "table_b/DSA at II", "--seeds", "1"],
        ["explain", "table_b/DSA at II"],
        ["report", "table_b"],
        ["figures", "table_b"],
    ],
)
def test_commands_go_on_and_say_what_they_set_aside(tmp_path, command):
    path = plant(tmp_path, "no trial")
    done = CliRunner().invoke(
        app, [*command, "--results", str(tmp_path), *data_of(command, tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert done.stderr.count(f"{path.name} is not a record: the field trial is missing") == 1


def data_of(command, folder):
    return () if command[0] == "figures" else ("--data", str(folder / "data"))


@pytest.mark.slow
def test_thousands_of_bad_files_take_a_screen(tmp_path):
    (tmp_path / "records").mkdir()
    for number in range(100):
        (tmp_path / "records" / f"{number:020x}.json").write_text("{}")
    done = CliRunner().invoke(app, ["report", "table_b", "--results", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert len(done.stderr.splitlines()) == 21
    assert "and 80 more" in done.stderr


def test_a_run_keeps_a_bad_file_beside_the_new_record(tmp_path):
    path = plant(tmp_path, "another layout")
    content = path.read_bytes()
    for number in (1, 2):
        results_folder.set_aside(tmp_path, BAD.key)
        assert (path.parent / f"{path.name}.set-aside-{number}").read_bytes() == content
        record.write(tmp_path, BAD, b"scores")
        results_folder.set_aside(tmp_path, BAD.key)
        assert record.read(tmp_path, BAD.key) == BAD
        path.write_bytes(content)


@pytest.mark.slow
def test_a_record_whose_scores_are_damaged_is_set_aside_with_them(tmp_path):
    rows = ("DSA at II", "TSN+I3D R50")
    claim = Claim(text="DSA helps", kind="better", rows=rows)
    pairs = [
        add_record(tmp_path, shrunk(row.trial), seed=seed)
        for row in EXPERIMENT.rows
        if row.label in rows
        for seed in (0, 1)
    ]
    record.scores_path(tmp_path, pairs[0]).write_bytes(b"damaged")
    table = replace(EXPERIMENT, claims=(claim,))
    judged = build.collect_and_judge(request(table, tmp_path))
    (fault,) = judged.table.faults
    assert "was altered" in fault
    assert {each.key for each in judged.table.records} == {each.key for each in pairs[1:]}
