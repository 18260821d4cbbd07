"""Weights & Biases beside MLflow, with a package that has its signatures and writes calls down."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import record, tracking
from harness.record import Record
from harness.tracking import mirrors, sinks
from harness.tracking.errors import translate_errors
from harness.tracking.runs import TrialRun, trial_runs
from harness.tracking.sinks.wandb import WandB
from tests.helpers import fake_wandb
from tests.helpers.command_line import harness
from tests.helpers.tracking_stores import (
    LABEL,
    SECRET,
    START_MS,
    epochs,
    make_record,
    only_run,
    planned_trial,
    run_sync,
)

Calls = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_wandb.install(monkeypatch, key=SECRET)


def files(place: Path) -> list[Path]:
    return sorted(place.glob("wandb/wandb/*/*.jsonl"))


def calls(path: Path) -> Calls:
    return [json.loads(line) for line in path.read_text().splitlines()]


def steps(path: Path) -> list[int]:
    return [call["step"] for call in calls(path) if "step" in call]


def one(rows: tuple[str, ...] = (LABEL,)) -> TrialRun:
    (trial_run,) = trial_runs(replace(planned_trial(), rows=rows))
    return trial_run


def whole(count: int = 3, **changes: Any) -> Record:
    return make_record(planned_trial(), history=epochs(count), **changes)


def rows(count: int, **start: Any) -> Calls:
    return [vars(epoch) for epoch in epochs(count, **start)]


@pytest.mark.slow
def test_a_trial_is_in_mlflow_and_at_wandb_alike(results: Path) -> None:
    warnings: list[str] = []
    addresses = [tracking.store_uri(results), *sinks.addresses(wandb="project")]
    with mirrors.Mirrors(addresses, results=results, warn=warnings.append) as opened:
        opened.log_epochs(planned_trial(), epochs(2))
        opened.finish_trial(planned_trial(), whole())
    assert not warnings
    assert only_run(results).info.status == "FINISHED"
    (path,) = files(results)
    first, *logged, summary, end = calls(path)
    assert first["init"]["project"] == "project"
    assert first["init"]["group"] == f"table_b: {LABEL}"
    assert first["init"]["config"]["seed"] == 0
    assert first["init"]["config"]["train"]["lr"] == planned_trial().trial.train.lr
    assert [call["step"] for call in logged] == [1, 2, 3]
    times = [call["log"]["_timestamp"] for call in logged]
    assert times == [(START_MS + 2_000 * number) / 1e3 for number in (1, 2, 3)]
    assert logged[0]["log"]["train/loss"] == 2.0
    assert summary["summary"]["test/top1"] == 61.5
    assert end == {"finish": 0}


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_second_mirror_adds_what_is_missing_and_a_third_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    for count in (2, 4):
        sink = WandB("project", tmp_path)
        sink.log_epochs(trial_run=one(), history=rows(count))
        sink.log_epochs(trial_run=one(), history=rows(count))
        sink.kill_unfinished()
    for _ in range(3):
        WandB("project", tmp_path).finish_trial(trial_run=one(), record=whole(4))
    found = files(tmp_path)
    assert len({path.name for path in found}) == 1
    if mode == "online":
        assert [steps(path) for path in found] == [[1, 2, 3, 4]]
    else:  # whole in each process: the newest has all
        assert [steps(path) for path in found] == [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert [call["finish"] for call in calls(found[-1]) if "finish" in call][-1] == 0
    summaries = [call["summary"] for path in found for call in calls(path) if "summary" in call]
    assert [each["test/top1"] for each in summaries if each] == [61.5]


def test_new_numbers_or_another_place_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for project, top1 in (("a", 1.0), ("a", 2.0), ("b", 2.0), ("b", 2.0)):
        WandB(project, tmp_path).finish_trial(trial_run=one(), record=whole(top1=top1))
    monkeypatch.setenv("WANDB_ENTITY", "team")
    WandB("b", tmp_path).finish_trial(trial_run=one(), record=whole(top1=2.0))
    (path,) = files(tmp_path)
    assert [call["finish"] for call in calls(path) if "finish" in call] == [0] * 4


def test_a_training_started_anew_is_a_run_of_its_own(tmp_path: Path) -> None:
    sink = WandB("project", tmp_path)
    sink.log_epochs(trial_run=one(), history=rows(3))
    sink.log_epochs(trial_run=one(), history=rows(2, start_ms=START_MS + 1_000_000))
    sink.log_epochs(trial_run=one(("DSA at I",)), history=rows(1))
    sink.kill_unfinished()
    assert sorted(map(steps, files(tmp_path))) == [[1], [1, 2], [1, 2, 3]]


def test_a_failure_ends_its_runs_alone_and_without_secrets(tmp_path: Path) -> None:
    sink, reason = WandB("project", tmp_path), f"password={SECRET} in {tmp_path}/a.mp4"
    sink.fail_trial(trial_run=one(), reason=reason)
    assert files(tmp_path) == []
    sink.log_epochs(trial_run=one(), history=rows(1))
    sink.log_epochs(trial_run=one(("DSA at I",)), history=rows(2))
    sink.fail_trial(trial_run=one(), reason=reason)
    (failed,) = [path for path in files(tmp_path) if {"finish": 1} in calls(path)]
    assert steps(failed) == [1]
    said = calls(failed)[-2]["summary"]["reason"]
    assert "a.mp4" in said
    assert SECRET not in said
    assert str(tmp_path) not in said


def test_no_secret_of_a_name_or_a_field_leaves(tmp_path: Path) -> None:
    planned = replace(planned_trial(), rows=(f"../../{SECRET}",))
    (trial_run,) = trial_runs(planned)
    spoilt = replace(trial_run, trial={**trial_run.trial, "data": {"name": SECRET}})
    WandB("project", tmp_path).finish_trial(trial_run=spoilt, record=make_record(planned))
    (path,) = files(tmp_path)
    assert "../../***" in path.read_text()
    assert SECRET not in path.read_text()


def test_errors_that_share_no_class_end_all_runs_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = WandB("project", tmp_path)
    sink.log_epochs(trial_run=one(), history=rows(1))
    other = WandB("project", tmp_path)
    in_use = pytest.raises(tracking.TrackingError, match=r"Weights & Biases.*is in use")
    with in_use, translate_errors("wandb:project"):
        other.log_epochs(trial_run=one(), history=rows(2))
    monkeypatch.delenv("WANDB_API_KEY")
    no_login = pytest.raises(tracking.TrackingError, match="wandb login")
    with no_login, translate_errors("wandb:project"):
        sink.log_epochs(trial_run=one(("DSA at I",)), history=rows(2))
    assert [calls(path)[-1] for path in files(tmp_path)] == [{"finish": 1}]


@pytest.mark.slow
def test_a_login_that_is_missing_warns_once_and_spares_mlflow(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    warnings: list[str] = []
    addresses = [tracking.store_uri(results), *sinks.addresses(wandb="my project")]
    with mirrors.Mirrors(addresses, results=results, warn=warnings.append) as opened:
        opened.log_epochs(planned_trial(), epochs(1))
        opened.finish_trial(planned_trial(), whole())
    assert only_run(results).info.status == "FINISHED"
    (warning,) = warnings
    assert warning.startswith("Weights & Biases at wandb:my project failed: ")
    command = shlex.join(["harness", "sync", "--wandb", "my project", "--results", str(results)])
    assert f"`{command}` sends the missing data" in warning


@pytest.mark.slow
def test_a_sync_sends_the_records_to_wandb_too(results: Path) -> None:
    record.write(results, make_record(planned_trial()), b"scores")
    for _ in range(2):
        run_sync(results, also=sinks.addresses(wandb="project"))
    (path,) = files(results)
    assert steps(path) == [1, 2, 3]
    assert calls(path)[-1] == {"finish": 0}


@pytest.mark.parametrize("command", [["run", "table_b"], ["sync"]])
@pytest.mark.parametrize("is_a_folder", [False, True])
def test_a_missing_package_is_a_sentence_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], is_a_folder: bool
) -> None:
    """wandb itself makes folders of its name, which Python takes for packages."""
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(fake_wandb.FOLDER)])
    if is_a_folder:
        (tmp_path / "wandb").mkdir()
        monkeypatch.syspath_prepend(str(tmp_path))
    results = tmp_path / "results"
    done = harness(*command, "--wandb", "p", "--results", results)
    assert done.returncode == 2
    assert "--wandb needs the package of Weights & Biases: pip install wandb" in done.stderr
    assert not results.exists()


@pytest.mark.parametrize("name", ["", "a/b", "a?", "a:b", "a" * 129])
def test_a_name_that_no_project_can_have_is_refused(name: str) -> None:
    done = harness("sync", "--wandb", name)
    assert done.returncode == 2
    assert "name of a project" in done.stderr.replace("\n", " ")
