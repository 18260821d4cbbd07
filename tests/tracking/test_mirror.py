"""The mirror in MLflow: real stores, real sockets, real processes, no training."""

import getpass
import os
import platform
import shutil
import socket
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.table_b import EXPERIMENT
from harness import record, tracking
from harness.report.output import TableOutput
from harness.tracking import mirror as mirroring
from harness.tracking import ui
from harness.tracking.runs import trial_runs
from harness.tracking.store import Store
from harness.utils import process as living
from tests.helpers.sockets import listening_sockets, process_tree
from tests.helpers.tracking_stores import (
    LABEL,
    PATIENCE_S,
    ROOT,
    SECRET,
    START_MS,
    WRITER,
    artifact_paths,
    client,
    closed_port,
    curve,
    epochs,
    make_record,
    only_run,
    open_mirror,
    planned_trial,
    run_sync,
    runs,
    runs_with_curves,
    silent_server,
    start_child,
    table_output,
    ui_server,
    wait_until,
)


@pytest.mark.slow
def test_importing_the_worker_imports_neither_mlflow_nor_torch() -> None:
    modules = "{'mlflow', 'torch'} & set(sys.modules)"
    program = f"import sys, harness.tracking.worker; print(sorted({modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_store_is_a_file_under_results_unless_the_environment_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking.store_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there:5000")
    assert tracking.store_uri(tmp_path) == "http://there:5000"


@pytest.mark.parametrize(
    "text",
    [
        f"http://user:{SECRET}@host:1/path",
        f"Failed to parse: postgresql+psycopg://user:p@{SECRET}@host/db",
        f"postgresql://host/db?user=u&password={SECRET}&x=1",
        f"MLFLOW_TRACKING_TOKEN={SECRET} AWS_SECRET_ACCESS_KEY={SECRET}",
        f"user:{SECRET}@host",
    ],
)
def test_secrets_are_hidden_and_the_rest_stays(text: str) -> None:
    assert SECRET not in tracking.redact(text)
    assert "***" in tracking.redact(text)
    assert ("host" in text) == ("host" in tracking.redact(text))


@pytest.mark.slow
def test_a_finished_trial_shows_tags_parameters_metrics_and_times(results: Path) -> None:
    done = make_record(planned_trial(seed=1))
    done = replace(done, provenance={**done.provenance, "campaign": "an earlier one"})
    with open_mirror(results) as opened:
        opened.finish_trial(planned_trial(seed=1), done)
    run = only_run(results)
    assert run.info.run_name == "DSA at II, seed 1"
    assert run.info.status == "FINISHED"
    assert run.info.start_time == START_MS + 500
    assert run.info.end_time == START_MS + 6_000
    expected = {
        "kind": "trial",
        "table": "table_b",
        "row": LABEL,
        "module": "dsa",
        "backbone": "i3d_resnet50",
        "scale": "desk",
        "seed": "1",
        "key": planned_trial(seed=1).key,
        "commit": "abc-dirty",
        "campaign": "an earlier one",
        "counting_rule": "mac",
        "resumed_epochs": "2",
    }
    assert expected.items() <= run.data.tags.items()
    assert run.data.params["model.backbone"] == "i3d_resnet50"
    assert run.data.params["model.blocks.res5"] == "[1]"
    assert run.data.params["seed"] == "1"
    metrics = {
        "test/top1": 61.5,
        "test/top5": 90,
        "test/map": 60,
        "test/videos": 48,
        "cost/params_k": 1_250,
        "cost/mmacs": 125,
        "time/seconds": 7.5,
        "train/loss": 2 / 3,
        "train/top1": 30,
        "val/top1": 27,
        "train/lr": 0.1,
    }
    assert run.data.metrics == pytest.approx(metrics)


def test_runs_hold_no_user_host_or_path(results: Path) -> None:
    with open_mirror(results) as opened:
        opened.finish_trial(planned_trial(), make_record(planned_trial()))
    run = only_run(results)
    assert run.data.tags.keys().isdisjoint({"mlflow.user", "mlflow.source.name"})
    text = " ".join([*run.data.tags.values(), *run.data.params.values()])
    assert platform.node() not in text
    assert str(ROOT) not in text
    assert run.info.user_id != getpass.getuser()


@pytest.mark.slow
def test_curves_have_one_value_per_epoch_however_often_they_are_sent(results: Path) -> None:
    history = epochs(4)
    for _ in range(2):
        with open_mirror(results) as opened:
            for count in (0, 1, 2, 2, 3, 1, 4):
                opened.log_epochs(planned_trial(), history[:count])
            opened.finish_trial(planned_trial(), make_record(planned_trial(), history=history))
            opened.finish_trial(planned_trial(), make_record(planned_trial(), history=history))
    run = only_run(results)
    assert curve(results, run, "train/loss") == [
        (epoch.epoch, epoch.loss, epoch.finished_ms) for epoch in history
    ]
    assert [step for step, _, _ in curve(results, run, "val/top1")] == [1, 3]
    assert len(curve(results, run, "test/top1")) == 1


@pytest.mark.slow
def test_a_live_trial_is_running_and_one_left_unfinished_is_killed(results: Path) -> None:
    warnings: list[str] = []
    opened = mirroring.Mirror(tracking.store_uri(results), results=results, warn=warnings.append)
    opened.log_epochs(planned_trial(), epochs(2))
    wait_until(lambda: bool(runs_with_curves(results)))
    assert only_run(results).info.status == "RUNNING"
    opened.close(timeout_s=PATIENCE_S)
    assert only_run(results).info.status == "KILLED"
    assert not warnings


@pytest.mark.slow
def test_a_failed_trial_ends_failed_with_its_reason_and_goes_on_in_the_same_run(
    results: Path,
) -> None:
    with open_mirror(results) as opened:
        opened.log_epochs(planned_trial(), epochs(1))
        opened.fail_trial(planned_trial(), f"NonFiniteLossError: see http://u:{SECRET}@h")
    failed = only_run(results)
    assert failed.info.status == "FAILED"
    assert failed.data.tags["reason"] == "NonFiniteLossError: see http://***@h"

    with open_mirror(results) as opened:
        opened.finish_trial(planned_trial(), make_record(planned_trial()))
    done = only_run(results)
    assert done.info.run_id == failed.info.run_id
    assert done.info.status == "FINISHED"
    assert "reason" not in done.data.tags
    assert len(curve(results, done, "train/loss")) == 3


@pytest.mark.slow
def test_a_training_started_anew_takes_the_place_of_the_old_run(results: Path) -> None:
    again = epochs(3, start_ms=START_MS + 1_000_000, loss=1.0)
    with open_mirror(results) as opened:
        opened.finish_trial(planned_trial(), make_record(planned_trial()))
        opened.log_epochs(planned_trial(), [])
        opened.log_epochs(planned_trial(), again[:1])
        opened.finish_trial(planned_trial(), make_record(planned_trial(), history=again))
    assert [value for _, value, _ in curve(results, only_run(results), "train/loss")] == [
        epoch.loss for epoch in again
    ]


@pytest.mark.slow
def test_a_trial_of_several_rows_makes_a_run_for_each(results: Path) -> None:
    both = replace(planned_trial(), rows=(LABEL, 'it\'s "quoted"'))
    with open_mirror(results) as opened:
        opened.log_epochs(both, epochs(1))
        opened.finish_trial(both, make_record(both))
    assert {run.data.tags["row"] for run in runs(results)} == set(both.rows)
    assert {run.data.tags["key"] for run in runs(results)} == {both.key}


@pytest.mark.slow
def test_values_that_are_no_number_become_tags(results: Path) -> None:
    history = [replace(epochs(1)[0], loss=float("inf")), epochs(2)[1]]
    with open_mirror(results) as opened:
        opened.log_epochs(planned_trial(), history)
        opened.finish_trial(
            planned_trial(), make_record(planned_trial(), history=history, top1=float("nan"))
        )
    run = only_run(results)
    assert run.data.tags["train/loss_not_finite"] == "inf at epoch 1"
    assert run.data.tags["test/top1_not_finite"] == "nan"
    assert "test/top1" not in run.data.metrics
    assert [step for step, _, _ in curve(results, run, "train/loss")] == [2]


@pytest.mark.slow
def test_long_texts_and_long_trainings_fit(results: Path) -> None:
    planned = planned_trial()
    options = {"where": tuple(range(10**8, 10**8 + 1_000))}  # as long as a record allows
    long = replace(planned.trial, data=replace(planned.trial.data, options=options))
    with open_mirror(results) as opened:
        opened.finish_trial(replace(planned, trial=long), make_record(planned, history=epochs(400)))
    run = only_run(results)
    assert 4_000 < len(run.data.params["data.options.where"]) < 6_000
    assert len(curve(results, run, "train/lr")) == 400


@pytest.mark.slow
def test_a_parameter_that_changed_is_left_as_it_was(results: Path) -> None:
    changed = replace(planned_trial(), trial=replace(planned_trial().trial, scale="paper"))
    with open_mirror(results) as opened:
        opened.log_epochs(planned_trial(), epochs(1))
    with open_mirror(results) as opened:
        opened.finish_trial(changed, make_record(changed))
    assert only_run(results).data.params["scale"] == "desk"


@pytest.mark.slow
def test_an_experiment_deleted_in_the_browser_comes_back(results: Path) -> None:
    with open_mirror(results) as opened:
        opened.finish_trial(planned_trial(), make_record(planned_trial()))
    client(tracking.store_uri(results)).delete_experiment(only_run(results).info.experiment_id)
    with open_mirror(results) as opened:
        opened.finish_trial(planned_trial(seed=1), make_record(planned_trial(seed=1)))
    assert {run.data.tags["seed"] for run in runs(results)} >= {"1"}


@pytest.mark.slow
def test_a_replay_restores_a_lost_store_and_a_second_one_changes_nothing(
    results: Path, tmp_path: Path, empty_store: Path
) -> None:
    trials = [planned_trial(seed=0), planned_trial(seed=1), planned_trial("TSN+I3D R50")]
    for trial in trials:
        record.write(results, make_record(trial), b"scores")
    output = table_output(results)
    with open_mirror(results) as opened:
        for trial in trials:
            opened.log_epochs(trial, epochs(2))
            opened.finish_trial(trial, make_record(trial))
        opened.log_table(
            EXPERIMENT,
            scale="desk",
            output=output,
            records=[make_record(trial) for trial in trials],
        )
    rebuilt = tmp_path / "rebuilt"
    shutil.copytree(results / "records", rebuilt / "records")
    (rebuilt / "mlflow").mkdir()
    shutil.copy(empty_store, rebuilt / "mlflow" / "mlflow.db")
    for _ in range(2):
        assert run_sync(rebuilt) == 4
        assert store_content(rebuilt) == store_content(results)


def store_content(results: Path) -> dict[str, object]:
    """Return a store's content on a table, without anything that depends on the time of writing."""
    volatile = {"host", "process", "mlflow.runName"}
    return {
        run.info.run_name: (
            run.info.status,
            {
                name: value.replace(run.info.run_id, "its own id")
                for name, value in run.data.tags.items()
                if name not in volatile
            },
            run.data.params,
            run.data.metrics,
            [curve(results, run, name) for name in ("loss", "lr", "test/top1")],
            sorted(artifact_paths(results, run)),
            run.info.start_time if run.data.tags["kind"] == "trial" else None,
        )
        for run in [*runs(results), *runs(results, "table")]
    }


def test_what_another_process_makes_at_the_same_moment_is_used(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    first, second = (Store(tracking.store_uri(results), results) for _ in range(2))
    get_experiment = first.client.get_experiment_by_name
    responses = iter([None])  # the experiment is missing, and a moment later it exists
    monkeypatch.setattr(
        second.client, "get_experiment_by_name", lambda name: next(responses, get_experiment(name))
    )
    assert first.experiment("table_b") == second.experiment("table_b")

    log, calls = second.client.log_inputs, list[str]()

    def log_inputs(run: str, datasets: list[Any]) -> None:
        calls.append(run)
        if len(calls) == 1:
            raise MlflowException("(sqlite3.IntegrityError) UNIQUE constraint failed: datasets")
        log(run, datasets)

    monkeypatch.setattr(second.client, "log_inputs", log_inputs)
    (trial_run,) = trial_runs(planned_trial())
    second.finish_trial(trial_run=trial_run, record=make_record(planned_trial()))
    assert len(calls) == 2
    assert len(only_run(results).inputs.dataset_inputs) == 2


@pytest.mark.slow
def test_the_run_of_a_table_holds_its_files_and_records(results: Path) -> None:
    record.write(results, make_record(planned_trial()), b"scores")
    assert run_sync(results) == 2
    (run,) = runs(results, "table")
    assert run.info.run_name == "table_b at desk scale"
    assert run.info.status == "FINISHED"
    figure = f"get-artifact?path=figures%2Ftable_b.svg&run_uuid={run.info.run_id}"
    note = f"| row | top1 |\n\n![figure]({figure})"
    assert run.data.tags["mlflow.note.content"] == note
    experiment = client(tracking.store_uri(results)).get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.note.content"] == note
    assert artifact_paths(results, run) == {
        "tables/table_b.md",
        "figures/table_b.svg",
        f"records/{planned_trial().key}.json",
    }
    copied = list((results / "mlflow" / "artifacts" / "table_b").rglob("*.md"))
    assert [path.name for path in copied] == ["table_b.md"]


@pytest.mark.slow
def test_a_long_table_is_left_out_whole_with_the_command_that_shows_it(results: Path) -> None:
    long = TableOutput(files=(), markdown="| a |\n" * 2_000)
    with open_mirror(results) as opened:
        opened.log_table(EXPERIMENT, scale="desk", output=long, records=[])
    (run,) = runs(results, "table")
    note = run.data.tags["mlflow.note.content"]
    assert note.count("| a |") < 2
    assert note.endswith("room for the rows of this table.* `harness report table_b` shows them.")


@pytest.mark.slow
def test_a_refused_port_costs_nothing_and_warns_once(
    tmp_path: Path, task_threads: list[str]
) -> None:
    warnings: list[str] = []
    uri = f"http://user:{SECRET}@127.0.0.1:{closed_port()}"
    opened = mirroring.Mirror(uri, results=tmp_path, warn=warnings.append)
    for count in range(50):
        opened.log_epochs(planned_trial(seed=count % 3), epochs(count % 5))
    opened.finish_trial(planned_trial(), make_record(planned_trial()))
    opened.close(timeout_s=PATIENCE_S)
    assert task_threads == [WRITER], "one try, and not by the training thread"
    assert len(warnings) == 1
    assert "harness sync" in warnings[0]
    assert "***@127.0.0.1" in warnings[0]
    assert SECRET not in warnings[0]


@pytest.mark.slow
def test_a_silent_server_costs_one_timeout_and_warns_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task_threads: list[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    warnings: list[str] = []
    with silent_server() as port:
        opened = mirroring.Mirror(
            f"http://127.0.0.1:{port}", results=tmp_path, warn=warnings.append
        )
        for count in range(20):
            opened.log_epochs(planned_trial(), epochs(count % 5))
        opened.close(timeout_s=PATIENCE_S)
    assert task_threads == [WRITER]
    assert len(warnings) == 1


@pytest.mark.slow
def test_closing_does_not_wait_longer_than_its_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3600")
    warnings: list[str] = []
    with silent_server() as port:
        uri = f"http://user:{SECRET}@127.0.0.1:{port}"
        opened = mirroring.Mirror(uri, results=tmp_path, warn=warnings.append)
        opened.finish_trial(planned_trial(), make_record(planned_trial()))
        opened.finish_trial(planned_trial(seed=1), make_record(planned_trial(seed=1)))
        opened.close(timeout_s=0.2)
        wait_until(lambda: not opened.is_alive)  # the server would have had an hour
    assert len(warnings) == 1
    assert "harness sync" in warnings[0]
    assert SECRET not in warnings[0]


@pytest.mark.slow
def test_a_mirror_tries_again_after_a_pause(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirroring, "PAUSE_S", 0.0)
    store = results / "mlflow" / "mlflow.db"
    aside = store.rename(store.with_name("aside"))
    store.mkdir()
    warnings: list[str] = []
    opened = mirroring.Mirror(tracking.store_uri(results), results=results, warn=warnings.append)
    opened.log_epochs(planned_trial(), epochs(1))
    wait_until(lambda: bool(warnings))
    store.rmdir()
    aside.rename(store)
    opened.log_epochs(planned_trial(), epochs(2))
    opened.close(timeout_s=PATIENCE_S)
    assert len(curve(results, only_run(results), "train/loss")) == 2
    assert len(warnings) == 1


@pytest.mark.slow
def test_a_replay_to_a_dead_server_says_so_without_the_password(tmp_path: Path) -> None:
    record.write(tmp_path, make_record(planned_trial()), b"scores")
    uri = f"http://user:{SECRET}@127.0.0.1:{closed_port()}"
    for call in (
        lambda: run_sync(tmp_path, uri=uri),
        lambda: mirroring.check(uri, results=tmp_path),
    ):
        with pytest.raises(tracking.TrackingError, match=r"\*\*\*@127\.0\.0\.1") as caught:
            call()
        assert SECRET not in str(caught.value)
        assert caught.value.__suppress_context__


def test_a_database_without_its_driver_is_a_sentence(tmp_path: Path) -> None:
    uri = f"postgresql://user:{SECRET}@127.0.0.1:1/runs"
    with pytest.raises(tracking.TrackingError, match="No module named 'psycopg'") as caught:
        mirroring.check(uri, results=tmp_path)
    assert SECRET not in str(caught.value)


def test_a_store_that_opens_passes_the_check(results: Path) -> None:
    mirroring.check(tracking.store_uri(results), results=results)


@pytest.mark.slow
def test_a_locked_store_warns_and_spares_the_terminal_its_trace(
    results: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with open_mirror(results) as opened:
        opened.log_epochs(planned_trial(), epochs(1))
    other = sqlite3.connect(results / "mlflow" / "mlflow.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    warnings: list[str] = []
    opened = mirroring.Mirror(tracking.store_uri(results), results=results, warn=warnings.append)
    opened.finish_trial(planned_trial(), make_record(planned_trial()))
    opened.close(timeout_s=PATIENCE_S)
    other.close()
    assert len(warnings) == 1
    assert "locked" in warnings[0]
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_run_left_by_a_killed_process_is_swept_and_can_go_on(results: Path) -> None:
    with start_child(f"send_and_hang({str(results)!r})") as process:
        wait_until(lambda: bool(runs_with_curves(results)))
        process.kill()
    left = only_run(results)
    assert left.info.status == "RUNNING"
    wait_until(lambda: not living.is_alive(left.data.tags["process"]))
    with open_mirror(results) as opened:
        opened.fail_trial(planned_trial(seed=1), "another trial")
    swept = client(tracking.store_uri(results)).get_run(left.info.run_id)
    assert swept.info.status == "KILLED"
    with open_mirror(results) as opened:
        opened.finish_trial(planned_trial(), make_record(planned_trial()))
    done = next(run for run in runs(results) if run.data.tags["seed"] == "0")
    assert (done.info.run_id, done.info.status) == (left.info.run_id, "FINISHED")
    assert len(curve(results, done, "train/loss")) == 3


@pytest.mark.slow
def test_two_processes_on_a_fresh_store_both_succeed(tmp_path: Path) -> None:
    processes = [start_child(f"finish_one({str(tmp_path)!r}, {seed})") for seed in range(2)]
    ends = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends
    assert {run.data.tags["seed"] for run in runs(tmp_path)} == {"0", "1"}
    assert [out + err for out, err in ends] == ["", ""]


@pytest.mark.slow
def test_the_browser_view_answers_takes_runs_and_ends_with_ctrl_c(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record.write(results, make_record(planned_trial()), b"scores")
    run_sync(results)
    other = replace(EXPERIMENT, name="table_x")
    with ui_server(results) as (port, lines):
        uri = f"http://127.0.0.1:{port}"
        sockets = {
            entry for child in process_tree(os.getpid())[1:] for entry in listening_sockets(child)
        }
        assert {entry.port for entry in sockets} >= {port}
        assert all(entry.is_loopback for entry in sockets)
        with open_mirror(results, uri=uri) as opened:
            opened.finish_trial(
                replace(planned_trial(), table="table_x"), make_record(planned_trial())
            )
            opened.log_table(other, scale="desk", output=table_output(results), records=[])
        assert ui.serve(results, f"http://u:{SECRET}@127.0.0.1:{port}/", port=0, tables=[]) == 0
    assert capsys.readouterr().out == f"MLflow at {uri}\n"
    assert len(runs(results)) == 1
    assert lines == [
        f"MLflow at {uri}\n",
        f"table_b  {uri}/tables/table_b\n",
        "Press Ctrl-C to stop.\n",
    ]
    sent = list((results / "mlflow" / "artifacts").rglob("table_b.svg"))
    assert len(sent) == 2
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def test_a_port_in_use_is_refused_at_once(tmp_path: Path) -> None:
    with silent_server() as port, pytest.raises(ValueError, match=f"port {port} is in use"):
        ui.serve(tmp_path, tracking.store_uri(tmp_path), port=port, tables=[])
