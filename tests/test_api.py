"""The Python interface."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import harness
from harness import launch
from harness.cli.main import app
from harness.exchange.places import all_tables
from harness.exchange.trial_frame import trials_frame, write_parquet
from harness.launch import LaunchResult
from harness.record import read_all
from tests.helpers.results_folders import add_record, row_trial

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path):
    results = tmp_path / "a folder, 100% mine"
    for seed, right in enumerate(([True] * 12, [True] * 6 + [False] * 6)):
        add_record(results, seed=seed, right=right)
    return results


def test_importing_the_package_is_cheap():
    heavy = "{'torch', 'numpy', 'pandas', 'click', 'ray', 'mlflow'} & set(sys.modules)"
    program = f"import sys, harness; harness.results; print(sorted({heavy}), dir(harness))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.startswith("[] ")
    assert "'scores'" in done.stdout


def test_what_the_package_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'reslts'"):
        harness.reslts  # noqa: B018


def test_trials_are_lines_of_every_row_that_they_serve(folder):
    frame = harness.results(folder)
    assert set(frame.key) == {path.stem for path in folder.glob("records/*.json")}
    assert {"table_b", "table_c", "table_e"} <= set(frame.table)
    assert "table_d" not in set(frame.table)  # its networks are deeper
    assert not frame.duplicated(["table", "row", "network", "seed"]).any()
    line = frame[(frame.table == "table_b") & (frame.seed == 1)].iloc[0]
    assert (line.row, line.top1, line.state, line.in_table) == ("DSA at II", 50.0, "fresh", True)
    assert line["provenance.libraries.torch"] == "2"
    assert str(line.finished) == "2023-11-14 22:13:20+00:00"


def test_a_trial_without_a_row_has_a_line_too(folder):
    trial = row_trial()
    other = replace(trial.train, weight_decay=0.123)  # no option of a command leads to it
    add_record(folder, replace(trial, scale="own", train=other), seed=7)
    (line,) = harness.results(folder).query("seed == 7").to_dict("records")
    assert line["scale"] == "own"
    assert np.isnan(line["table"]) or line["table"] is None


def test_a_row_shows_the_newest_copy_of_the_data(folder):
    add_record(folder, seed=0, passport="q" * 64, finished_ms=1_800_000_000_000)
    frame = harness.results(folder).query("table == 'table_b'")
    shown = frame[frame.in_table.astype(bool)]
    assert set(shown.passport) == {"q" * 64}
    assert set(frame.passport) == {"p" * 64, "q" * 64}


def test_an_empty_folder_gives_an_empty_frame(tmp_path):
    (tmp_path / "records").mkdir()
    frame = harness.results(tmp_path)
    assert frame.empty
    assert {"table", "row", "seed", "top1"} <= set(frame)


def test_scores_are_lines_of_videos(folder):
    key = harness.results(folder).query("seed == 1").key.iloc[0]
    frame = harness.scores(key[:6], results=folder)
    assert frame.correct.tolist() == [True] * 6 + [False] * 6
    assert frame.labels.tolist() == [(k,) for k in range(12)]
    assert frame.predicted.tolist()[5:8] == [5, 7, 8]
    assert np.stack(frame.scores).shape == (12, 12)


@pytest.mark.slow
def test_a_table_is_numbers(folder):
    frame = harness.table("table_b", results=folder).set_index("row")
    assert frame.loc["DSA at II", "mean"] == 75.0
    assert frame.loc["DSA at II", "values"] == (100.0, 50.0)
    assert (frame.loc["DSA at II", "low"], frame.loc["DSA at II", "high"]) == (50.0, 100.0)
    assert frame.loc["DSA at II", "printed_top1"] == 81.5
    assert frame.loc["DSA at I", "state"] == "not run"
    claims = harness.claims("table_b", results=folder)
    assert set(claims.verdict) == {"not run"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda folder: harness.results(folder / "records"), "not a results folder"),
        (lambda folder: harness.results(folder / "none"), "is no folder"),
        (lambda folder: harness.scores("zzzz", results=folder), "matches no record"),
        (lambda folder: harness.table("tabel_b", results=folder), "did you mean 'table_b'"),
        (lambda folder: harness.table("table_b", results=folder, scale="dsk"), "'desk'"),
        (lambda folder: harness.table("table_b", results=folder, rate=1), "unknown options: rate"),
        (lambda folder: harness.run("table_b", results=folder, seeds=0), "seeds=0"),
        (lambda folder: harness.run("table_b", results=folder, seeds=[1, 1]), "seeds="),
        (lambda folder: harness.run("table_b", results=folder, worker=1), "worker"),
    ],
)
def test_mistakes_are_one_sentence(folder, call, message):
    with pytest.raises(ValueError, match=message):
        call(folder)


def test_a_damaged_record_is_named_and_the_others_are_read(folder, caplog):
    path = next(folder.glob("records/*.json"))
    path.write_text("{}")
    keys = set(harness.results(folder)["key"])
    assert path.stem not in keys
    assert keys
    assert path.name in caplog.text


def test_a_run_launches_the_rows_and_seeds_that_are_named(folder, monkeypatch):
    launched = []

    def fake(requests, **how):
        launched.append((requests, how))
        return LaunchResult(outputs=[])

    monkeypatch.setattr(launch, "run", fake)
    frame = harness.run("table_b", rows="DSA at II", seeds=[1, 4], results=folder, device="cpu")
    ((request,), how) = launched[0]
    assert (request.experiment.name, request.rows) == ("table_b", ("DSA at II",))
    assert (request.seeds, request.runtime.results) == ((1, 4), folder)
    assert how["resources"] is None
    assert frame.set_index("row").loc["DSA at II", "mean"] == 75.0


@pytest.mark.slow
def test_parquet_holds_the_frame_and_equal_records_give_equal_bytes(folder):
    path = write_parquet(folder, read_all(folder), all_tables())
    content, frame = path.read_bytes(), harness.results(folder)
    pd.testing.assert_frame_equal(pd.read_parquet(path), frame, check_dtype=False)
    assert write_parquet(folder, read_all(folder), all_tables()).read_bytes() == content


def test_provenance_of_several_types_fits_into_parquet(folder):
    for seed, value in enumerate((1, "two", None, ["three"])):
        add_record(folder, seed=seed, provenance={"note": value})
    frame = pd.read_parquet(write_parquet(folder, read_all(folder), all_tables())).drop_duplicates(
        "seed"
    )
    assert frame["provenance.note"].tolist()[:2] == ["1", '"two"']


@pytest.mark.parametrize(
    ("words", "is_tracked", "is_written"),
    [
        ([], False, True),
        (["--no-parquet"], False, False),
        ([], True, False),
        (["--parquet"], True, True),
    ],
)
def test_report_writes_parquet_unless_the_folder_is_tracked(
    folder, monkeypatch, words, is_tracked, is_written
):
    if is_tracked:
        monkeypatch.setattr("harness.cli.report.ROOT", folder.parent)
        folder = folder.rename(folder.parent / "results")
    done = CliRunner().invoke(app, ["report", "--results", str(folder), *words])
    assert done.exit_code == 0, done.exception
    assert (folder / "trials.parquet").is_file() == is_written


def test_no_record_is_an_empty_frame_that_parquet_holds(tmp_path):
    assert trials_frame([], ()).empty
    assert write_parquet(tmp_path, (), ()).is_file()
