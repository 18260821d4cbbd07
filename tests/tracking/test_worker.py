"""A store in a separate process: real processes, real stores."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from experiments.table_b import EXPERIMENT
from harness import tracking
from harness.tracking import mirror as mirroring
from harness.tracking.store import Store
from harness.tracking.worker import StoreProcess, open_store
from tests.helpers.faulty_server import Fault, FaultyServer, serving
from tests.helpers.sockets import process_tree
from tests.helpers.tracking_stores import (
    PATIENCE_S,
    ROOT,
    SECRET,
    closed_port,
    curve,
    epochs,
    make_record,
    only_run,
    planned_trial,
    run_in_thread,
    runs,
    runs_with_curves,
    start_child,
    table_output,
    wait_until,
)


def children() -> set[int]:
    return set(process_tree(os.getpid())[1:])


def run_buggy_task(store: Store) -> None:
    store.log_epochs(trial_run=None, history=[])  # type: ignore[arg-type]


def search(store: Store) -> None:
    store.client.search_experiments(max_results=1)


def search_impatiently(store: Store) -> None:
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "1"
    search(store)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "num_requests", "failure"),
    [
        ({}, 2, ""),
        ({2: "cut before"}, 3, ""),
        ({2: "cut before", 3: "cut before"}, 3, "RemoteDisconnected: Remote end closed"),
        ({2: "500"}, 2, "too many 500 error responses"),
        ({2: "silent"}, 2, "TimeoutError: timed out"),
    ],
    ids=str,
)
def test_only_an_update_whose_connection_was_closed_is_repeated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: Mapping[int, Fault],
    num_requests: int,
    failure: str,
) -> None:
    """A server closes a connection that was idle, and the next request may be under way."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", str(PATIENCE_S))
    task = search_impatiently if "silent" in faults.values() else search
    with serving(FaultyServer(lambda number: faults.get(number, ""))) as server:
        opened, searched = run_in_thread(server.uri, tmp_path, [open_store, task])
        assert (opened, server.num_requests) == ("", num_requests)
    assert bool(searched) == bool(failure)
    assert failure in searched


@pytest.mark.slow
def test_a_mirror_imports_mlflow_into_another_process_alone(results: Path) -> None:
    program = f"""
import sys
from tests.helpers.tracking_stores import *
results = Path({str(results)!r})
with mirroring.Mirror(tracking.store_uri(results), results=results, warn=print) as opened:
    opened.finish_trial(planned_trial(), make_record(planned_trial()))
print("mlflow" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
    assert only_run(results).info.status == "FINISHED"


@pytest.mark.slow
def test_the_writer_is_one_process_without_torch_and_ends(results: Path) -> None:
    before = children()
    with mirroring.Mirror(tracking.store_uri(results), results=results, warn=pytest.fail) as opened:
        opened.log_epochs(planned_trial(seed=1), epochs(1))
        opened.fail_trial(planned_trial(seed=1), "a reason")
        opened.finish_trial(planned_trial(), make_record(planned_trial()))
        output = table_output(results)
        opened.log_table(EXPERIMENT, scale="desk", output=output, records=[])
        wait_until(lambda: bool(runs_with_curves(results)))
        wait_until(lambda: len(runs(results, "table")) == 1)
        (writer,) = children() - before
        assert "libtorch" not in Path(f"/proc/{writer}/maps").read_text()
    assert children() == before


@pytest.mark.slow
def test_a_closed_store_process_refuses_tasks(results: Path) -> None:
    store = StoreProcess(tracking.store_uri(results), results)
    store.run_task(Store.kill_unfinished)
    store.close()
    with pytest.raises(tracking.TrackingError, match="its writer process is closed"):
        store.run_task(Store.kill_unfinished)


@pytest.mark.slow
def test_a_writer_that_dies_is_said_and_started_anew(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "PAUSE_S", 0.0)
    before, warnings = children(), list[str]()
    opened = mirroring.Mirror(tracking.store_uri(results), results=results, warn=warnings.append)
    opened.log_epochs(planned_trial(), epochs(1))
    wait_until(lambda: bool(runs_with_curves(results)))
    for writer in children() - before:
        os.kill(writer, signal.SIGKILL)
    opened.finish_trial(
        planned_trial(seed=1), make_record(planned_trial(seed=1))
    )  # lost with the process
    wait_until(lambda: bool(warnings))
    opened.finish_trial(planned_trial(), make_record(planned_trial()))
    opened.close(timeout_s=PATIENCE_S)
    command = shlex.join(["harness", "sync", "--results", str(results)])
    assert f"exited with code -9; trials continue, and `{command}` sends" in warnings[0]
    assert len(warnings) == 1
    assert only_run(results).info.status == "FINISHED"
    assert len(curve(results, only_run(results), "train/loss")) == 3
    assert children() == before


@pytest.mark.slow
def test_the_writer_outlives_ctrl_c_and_ends_with_whoever_started_it(results: Path) -> None:
    with start_child(f"send_and_hang({str(results)!r})") as process:
        wait_until(lambda: bool(runs_with_curves(results)))
        (writer,) = process_tree(process.pid)[1:]
        assert os.getpgid(writer) != os.getpgid(process.pid)
        process.kill()
    wait_until(lambda: not Path(f"/proc/{writer}").exists(), within_s=10)


@pytest.mark.slow
def test_a_password_is_in_no_command_line(tmp_path: Path) -> None:
    before = children()
    uri = f"http://user:{SECRET}@127.0.0.1:{closed_port()}"
    store = StoreProcess(uri, tmp_path)
    with pytest.raises(tracking.TrackingError, match=r"\*\*\*@127\.0\.0\.1") as caught:
        store.run_task(Store.kill_unfinished)
    assert SECRET not in str(caught.value)
    (writer,) = children() - before
    assert SECRET.encode() not in Path(f"/proc/{writer}/cmdline").read_bytes()
    store.close()


@pytest.mark.slow
def test_a_bug_of_ours_is_raised_with_its_trace(results: Path) -> None:
    store = StoreProcess(tracking.store_uri(results), results)
    with pytest.raises(RuntimeError, match="run_buggy_task"):
        store.run_task(run_buggy_task)
    store.close()


@pytest.mark.slow
def test_curves_rest_and_the_end_of_a_trial_does_not(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "REST_FACTOR", 1e9)
    opened = mirroring.Mirror(tracking.store_uri(results), results=results, warn=pytest.fail)
    opened.log_epochs(planned_trial(), epochs(1))
    wait_until(lambda: bool(runs_with_curves(results)))
    opened.log_epochs(planned_trial(), epochs(2))
    time.sleep(1)
    assert len(curve(results, only_run(results), "train/loss")) == 1
    opened.fail_trial(planned_trial(), "a reason")
    wait_until(lambda: only_run(results).info.status == "FAILED")
    assert len(curve(results, only_run(results), "train/loss")) == 2
    opened.close(timeout_s=PATIENCE_S)


def test_no_process_to_be_had_warns_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    warnings: list[str] = []
    opened = mirroring.Mirror(tracking.store_uri(tmp_path), results=tmp_path, warn=warnings.append)
    opened.finish_trial(planned_trial(), make_record(planned_trial()))
    opened.close(timeout_s=PATIENCE_S)
    assert not opened.is_alive
    assert len(warnings) == 1
    assert "No such file" in warnings[0]
