"""The replay of records into MLflow: the final content of runs, and runs of older versions."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from safetensors.torch import load

import experiments
from harness import record, tracking
from harness.record import Record
from harness.report.output import TableOutput
from harness.tracking import TrackingError, mirror
from harness.tracking.runs import TableRun
from harness.tracking.store import Store
from harness.training import checkpoint
from harness.training.loop import Epoch
from tests.helpers.command_line import harness
from tests.helpers.results_folders import add_record
from tests.helpers.tracking_stores import (
    CLAIM,
    LABEL,
    artifact_paths,
    client,
    curve,
    epochs,
    make_record,
    only_run,
    planned_trial,
    run_sync,
    runs,
    table_output,
)

OLD = {"loss": 2.0, "train_top1": 10.0, "lr": 0.1, "top1": 61.5, "gmacs": 0.125}


def write_records(results: Path, records: Sequence[Record]) -> None:
    for entry in records:
        record.write(results, entry, b"scores")


def write_old_run(results: Path, *, status: str = "FINISHED") -> str:
    """Write the run of a trial with the metric names of older versions, and return its id."""
    store = client(tracking.store_uri(results))
    experiment = store.create_experiment("table_b", (results / "old").as_uri())
    tags = {"kind": "trial", "row": LABEL, "key": planned_trial().key, "scale": "desk", "seed": "0"}
    run = store.create_run(experiment, tags=tags).info.run_id
    for name, value in OLD.items():
        store.log_metric(run, name, value, timestamp=1, step=1)
    store.set_terminated(run, status)
    return str(run)


@pytest.mark.slow
def test_a_run_of_an_older_version_is_written_anew_from_its_record(results: Path) -> None:
    old = write_old_run(results)
    write_records(results, [make_record(planned_trial())])
    for _ in range(2):
        run_sync(results)
        run = only_run(results)
        assert run.info.run_id != old
        assert run.data.metrics.keys().isdisjoint(OLD)
        assert run.data.metrics["test/top1"] == 61.5
        assert run.data.tags["module"] == "dsa"
        assert len(curve(results, run, "train/loss")) == 3


@pytest.mark.slow
def test_a_run_with_costs_in_units_of_an_older_version_is_written_anew(results: Path) -> None:
    write_records(results, [make_record(planned_trial())])
    run_sync(results)
    old = only_run(results).info.run_id
    client(tracking.store_uri(results)).log_metric(old, "cost/gmacs", 0.125)
    run_sync(results)
    run = only_run(results)
    assert run.info.run_id != old
    costs = {name: run.data.metrics[name] for name in run.data.metrics if "cost/" in name}
    assert costs == {"cost/mmacs": 125, "cost/params_k": 1_250}


@pytest.mark.slow
def test_a_trial_that_goes_on_leaves_the_run_of_an_older_version(results: Path) -> None:
    write_old_run(results, status="KILLED")
    warnings: list[str] = []
    with mirror.Mirror(
        tracking.store_uri(results), results=results, warn=warnings.append
    ) as opened:
        opened.log_epochs(planned_trial(), epochs(2))
    run = only_run(results)
    assert run.data.metrics.keys() == {"train/loss", "train/top1", "train/lr", "val/top1"}
    assert len(curve(results, run, "train/loss")) == 2
    assert not warnings


@pytest.mark.slow
def test_both_splits_are_known_by_their_passport_and_by_no_path(results: Path) -> None:
    write_records(results, [make_record(planned_trial())])
    for _ in range(2):
        run_sync(results)
        inputs = {
            entry.dataset.name: (entry.dataset.digest, entry.tags[0].value, entry.dataset.source)
            for entry in only_run(results).inputs.dataset_inputs
        }
        source = '{"passport": "passport"}'
        assert inputs == {
            "desk/train": ("passport", "train", source),
            "desk/test": ("passport", "test", source),
        }


@pytest.mark.slow
def test_the_hash_of_a_passport_is_cut_to_what_mlflow_takes(results: Path) -> None:
    made, passport = make_record(planned_trial()), "0123456789abcdef" * 4
    key = record.key_of(made.trial, passport)
    write_records(results, [replace(made, passport=passport, key=key)])
    run_sync(results)
    data = only_run(results).inputs.dataset_inputs[0].dataset
    assert data.digest == "0123456789abcdef0123456789abcdef0123"
    assert "0123456789abcdef" * 4 in data.source


@pytest.mark.slow
def test_trials_carry_the_verdict_of_their_row_and_whether_they_are_stale(results: Path) -> None:
    trials = [planned_trial(), planned_trial(seed=1), planned_trial("TSN+I3D R50")]
    write_records(results, [make_record(trial) for trial in trials])
    run_sync(results)
    tags = {
        run.info.run_name: (run.data.tags.get("verdict"), run.data.tags["state"])
        for run in runs(results)
    }
    assert tags == {
        "DSA at II, seed 0": ("undecided", "fresh"),
        "DSA at II, seed 1": ("undecided", "stale"),
        "TSN+I3D R50, seed 0": (None, "fresh"),
    }


@pytest.mark.slow
def test_a_new_verdict_takes_the_place_of_the_old_one_at_its_scale_alone(results: Path) -> None:
    write_records(results, [make_record(planned_trial())])
    run_sync(results)
    output = replace(table_output(results), verdicts={LABEL: "reproduced"}, claims=())
    store = Store(tracking.store_uri(results), results)
    for scale, word in {"paper": "undecided", "desk": "reproduced"}.items():
        table_run = TableRun(name="table_b", scale=scale, output=output, records=())
        store.log_table(table_run=table_run)
        assert only_run(results).data.tags["verdict"] == word


@pytest.mark.slow
def test_the_run_of_a_table_holds_its_claims_as_a_table(results: Path) -> None:
    write_records(results, [make_record(planned_trial())])
    for _ in range(2):
        run_sync(results)
        (run,) = runs(results, "table")
        assert '"claims.json"' in run.data.tags["mlflow.loggedArtifacts"]
        (path,) = (results / "mlflow" / "artifacts").rglob("claims.json")
        claims = pd.read_json(path, orient="split")
        assert claims.to_dict("records") == [CLAIM]


def write_checkpoint(results: Path, trial_record: Record, *, weight: float) -> None:
    """Write a checkpoint as a trial does that keeps it."""
    net = {"layer.weight": torch.full((2, 3), weight).t()}
    state = {"history": trial_record.history, "net": net, "resumed": []}
    checkpoint.save(results / "work" / trial_record.key, state, epoch=len(trial_record.history))


def weight_files(results: Path) -> list[Path]:
    return list((results / "mlflow" / "artifacts").rglob("weights.safetensors"))


@pytest.mark.slow
def test_final_weights_are_sent_on_request_only(results: Path) -> None:
    done = make_record(planned_trial())
    write_records(results, [done, make_record(planned_trial(seed=1))])
    write_checkpoint(results, done, weight=7.0)
    run_sync(results)
    assert weight_files(results) == []
    for _ in range(2):
        run_sync(results, checkpoints=True)
        (path,) = weight_files(results)
    assert torch.equal(load(path.read_bytes())["layer.weight"], torch.full((3, 2), 7.0))
    owners = [run for run in runs(results) if artifact_paths(results, run)]
    assert [run.data.tags["seed"] for run in owners] == ["0"]
    assert owners[0].info.status == "FINISHED"


@pytest.mark.slow
@pytest.mark.parametrize("history", [epochs(2), epochs(3, loss=1.0)], ids=["earlier", "other"])
def test_weights_of_another_state_are_not_sent(results: Path, history: list[Epoch]) -> None:
    done = make_record(planned_trial())
    write_records(results, [done])
    write_checkpoint(
        results, replace(done, history=[asdict(epoch) for epoch in history]), weight=1.0
    )
    run_sync(results, checkpoints=True)
    assert weight_files(results) == []


def sent_files(results: Path) -> list[Path]:
    """Send the run of a table to a store that only notes the files, and return these."""
    sent: list[Path] = []
    store = object.__new__(Store)
    store._results, store._uri = results, ""
    store.client = SimpleNamespace(  # type: ignore[assignment]
        log_artifact=lambda run, path, folder: sent.append(Path(path)),
        log_batch=lambda *_, **__: None,
    )
    records = tuple(record.read_all(results))
    output = TableOutput(files=(), markdown="")
    table_run = TableRun(name="table_b", scale="desk", output=output, records=records)
    store._log_table_files("run", table_run)
    return sent


def test_a_record_that_holds_a_secret_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = make_record(planned_trial())
    write_records(tmp_path, [done])
    assert len(sent_files(tmp_path)) == 1
    monkeypatch.setenv("HF_TOKEN", done.key)
    with pytest.raises(TrackingError, match="holds a password or token"):
        sent_files(tmp_path)


def test_a_record_that_names_another_file_sends_nothing(tmp_path: Path) -> None:
    results = tmp_path / "results"
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("SECRET")
    done = make_record(planned_trial())
    write_records(results, [done])
    path = results / "records" / f"{done.key}.json"
    for key in ("../../.docker/config", "/etc/passwd", "..", "a/b"):
        path.write_bytes(record.as_json(replace(done, key=key)))
        assert sent_files(results) == []
    path.unlink()
    path.symlink_to(tmp_path / ".docker" / "config.json")
    assert sent_files(results) == []


def test_a_records_folder_elsewhere_is_not_sent(tmp_path: Path) -> None:
    results = tmp_path / "results"
    write_records(results, [make_record(planned_trial())])
    assert len(sent_files(results)) == 1
    (results / "records").rename(tmp_path / "elsewhere")
    (results / "records").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is not sent"):
        sent_files(results)


@pytest.mark.slow
def test_a_sync_leaves_the_tables_of_the_folder_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "names", lambda: ["table_b"])  # for speed
    add_record(tmp_path)
    where = ("--results", tmp_path, "--data", tmp_path / "data")
    assert harness("report", "table_b", *where).returncode == 0
    folders = ("tables", "figures")
    written = {path for name in folders for path in (tmp_path / name).iterdir()}
    for path in written:
        path.write_bytes(b"tracked by git")
    assert harness("sync", *where).returncode == 0
    assert {path for name in folders for path in (tmp_path / name).iterdir()} == written
    assert {path.read_bytes() for path in written} == {b"tracked by git"}
    (run,) = runs(tmp_path, "table")
    names = {f"{path.parent.name}/{path.name}" for path in written}
    assert names <= artifact_paths(tmp_path, run)
    assert "tracked by git" not in run.data.tags["mlflow.note.content"]
