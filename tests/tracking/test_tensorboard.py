"""TensorBoard beside MLflow: event files, read back by TensorBoard itself."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness import record, tracking
from harness.plan.grid import PlannedTrial
from harness.tracking import mirror, mirrors, sinks
from harness.tracking.runs import trial_runs
from harness.tracking.sinks.tensorboard import TensorBoard
from tests.helpers.tracking_stores import (
    LABEL,
    SECRET,
    START_MS,
    InProcessStore,
    curve,
    epochs,
    make_record,
    only_run,
    planned_trial,
    run_sync,
)

needs_tensorboard = pytest.mark.skipif(
    find_spec("tensorboard") is None, reason="the extra tensorboard is not installed"
)


def points(folder: Path) -> dict[str, list[tuple[int, float, float]]]:
    """Return the step, value and time of all points of a trial, by name."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {
        name: [(each.step, each.value, each.wall_time) for each in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def folder_of(planned: PlannedTrial, place: Path) -> Path:
    return place / "table_b" / "desk" / f"{planned.rows[0]}, seed {planned.trial.seed}"


@needs_tensorboard
def test_a_trial_is_in_mlflow_and_in_tensorboard_alike(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "StoreProcess", InProcessStore)
    place, planned, warnings = tmp_path / "runs", planned_trial(), list[str]()
    addresses = [tracking.store_uri(results), *sinks.addresses(tensorboard=place)]
    with mirrors.Mirrors(addresses, results=results, warn=warnings.append) as opened:
        opened.log_epochs(planned, epochs(2))
        opened.finish_trial(planned, make_record(planned))
    assert not warnings
    written = points(folder_of(planned, place))
    assert written["test/top1"] == [(0, 61.5, (START_MS + 6_000) / 1e3)]
    for name in ("train/loss", "val/top1"):
        stored = curve(results, only_run(results), name)
        assert written[name] == [
            (step, pytest.approx(value), ms / 1e3) for step, value, ms in stored
        ]


@needs_tensorboard
def test_a_second_writer_adds_what_the_files_lack_and_no_point_twice(tmp_path: Path) -> None:
    planned = planned_trial()
    (trial_run,) = trial_runs(planned)
    rows = [vars(epoch) for epoch in epochs(4)]
    for count in (2, 3, 3):
        board = TensorBoard(str(tmp_path), tmp_path)
        board.log_epochs(trial_run=trial_run, history=rows[:count])
        board.kill_unfinished()
    assert [step for step, *_ in points(folder_of(planned, tmp_path))["train/lr"]] == [1, 2, 3]
    for _ in range(2):
        board = TensorBoard(str(tmp_path), tmp_path)
        board.finish_trial(trial_run=trial_run, record=make_record(planned, history=epochs(4)))
    written = points(folder_of(planned, tmp_path))
    assert [step for step, *_ in written["train/lr"]] == [1, 2, 3, 4]
    assert len(written["test/top1"]) == 1


@needs_tensorboard
def test_a_training_started_anew_takes_the_place_of_the_old_files(tmp_path: Path) -> None:
    planned = planned_trial()
    (trial_run,) = trial_runs(planned)
    again = epochs(2, start_ms=START_MS + 1_000_000, loss=1.0)
    board = TensorBoard(str(tmp_path), tmp_path)
    for history in (epochs(3), again):
        board.log_epochs(trial_run=trial_run, history=[vars(epoch) for epoch in history])
    board.kill_unfinished()
    losses = [value for _, value, _ in points(folder_of(planned, tmp_path))["train/loss"]]
    assert losses == [1.0, 0.5]


@needs_tensorboard
def test_no_name_leads_out_of_the_folder_and_no_secret_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    planned = replace(planned_trial(), rows=(f"../../{SECRET}",))
    (trial_run,) = trial_runs(planned)
    place = tmp_path / "runs"
    TensorBoard(str(place), tmp_path).finish_trial(trial_run=trial_run, record=make_record(planned))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert all(path.is_relative_to(place) for path in files)
    assert SECRET not in " ".join(map(str, files))
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


@needs_tensorboard
def test_a_sync_writes_the_records_to_tensorboard_too(results: Path, tmp_path: Path) -> None:
    planned = planned_trial()
    record.write(results, make_record(planned), b"scores")
    for _ in range(2):
        run_sync(results, also=sinks.addresses(tensorboard=tmp_path / "runs"))
    assert only_run(results).data.tags["row"] == LABEL
    assert len(points(folder_of(planned, tmp_path / "runs"))["train/loss"]) == 3


@needs_tensorboard
@pytest.mark.slow
def test_a_folder_that_cannot_be_written_warns_once_and_spares_mlflow(
    results: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs").write_text("a file")
    warnings: list[str] = []
    addresses = [tracking.store_uri(results), f"tensorboard:{tmp_path / 'runs'}"]
    with mirrors.Mirrors(addresses, results=results, warn=warnings.append) as opened:
        opened.finish_trial(planned_trial(), make_record(planned_trial()))
    assert only_run(results).info.status == "FINISHED"
    (warning,) = warnings
    assert warning.startswith("TensorBoard at tensorboard:")
    assert "trials continue" in warning


def test_a_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "find_spec", lambda _: None)
    assert sinks.addresses(tensorboard=None) == []
    with pytest.raises(ValueError, match=r"dsanet-harness\[tensorboard\]"):
        sinks.addresses(tensorboard="runs")
