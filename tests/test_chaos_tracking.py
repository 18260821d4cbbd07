"""Long fault injection for MLflow, by `nox -s chaos`: a real server that dies, hangs or fails.

A faulty proxy stands between the harness and the server.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from itertools import count
from operator import methodcaller

import pytest

from benchmarks.scheduling import tracking
from benchmarks.scheduling.log_writers import Setting
from harness import record
from harness.tracking import TrackingError, store_uri
from harness.tracking import mirror as mirroring
from harness.tracking.runs import TableRun, trial_runs
from harness.tracking.uri import ENVIRONMENT, artifact_root
from tests.helpers.faulty_server import FaultyServer, serving
from tests.helpers.tracking_stores import (
    ROOT,
    START_MS,
    WRITER,
    client,
    closed_port,
    epochs,
    make_record,
    planned_trial,
    run_in_thread,
    run_sync,
    runs,
    table_output,
    wait_until,
)
from tests.tracking.test_mirror import store_content

pytestmark = [pytest.mark.chaos, pytest.mark.slow]
FAULTS = {"flaky": 10, "hang": 20, "dead": 30}  # and the seeds of its trials
MODES = {"flaky": lambda number: "" if number % 2 else "500", "hang": lambda _: "silent"}


def plan_three(seed):
    """Plan three trials that no other test has."""
    return [
        planned_trial(seed=seed),
        planned_trial(seed=seed + 1),
        planned_trial("TSN+I3D R50", seed=seed),
    ]


class Server:
    """A real MLflow server on a SQLite file, that can be killed and started again."""

    def __init__(self, results):
        self.results = results
        self.port = closed_port()
        self.start()

    def start(self):
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", store_uri(self.results)]
        command += ["--artifacts-destination", artifact_root(self.results)]
        self.process = subprocess.Popen(
            command,
            env=os.environ | ENVIRONMENT | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self.is_up, within_s=180)

    @property
    def uri(self):
        return f"http://127.0.0.1:{self.port}"

    def is_up(self):
        try:
            urllib.request.urlopen(f"{self.uri}/health", timeout=60).close()
        except OSError:
            return False
        return True

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory, empty_store):
    """A server that starts empty."""
    results = tmp_path_factory.mktemp("server")
    (results / "mlflow").mkdir()
    shutil.copy(empty_store, results / "mlflow" / "mlflow.db")
    running = Server(results)
    yield running
    running.kill()


@pytest.fixture
def proxy(server):
    with serving(FaultyServer(behind=server.port)) as between:
        yield between


def mirror_trials(results, uri, trials, *, disturb):
    """Mirror trials of five epochs as a driver does; return its warnings."""
    warnings = []
    opened = mirroring.Mirror(uri, results=results, warn=warnings.append)
    for number in range(6):
        for planned in trials:
            opened.log_epochs(planned, epochs(number))
        if number == 2:
            wait_until(lambda: opened.is_connected)
            disturb()
        time.sleep(0.3)
    for planned in trials:
        done = make_record(planned, history=epochs(5))
        record.write(results, done, b"scores")
        opened.finish_trial(planned, done)
    opened.close(timeout_s=30)
    return warnings


def sync_in_new_process(results, uri):
    """Replay the records in a process of its own, as a user does."""
    program = "from tests.helpers.tracking_stores import *\n"
    program += f"print(run_sync(Path({str(results)!r}), uri={uri!r}))"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )


def expected_content(folder, empty_store, trials):
    """Return the content of a store after a sync without faults."""
    (folder / "mlflow").mkdir(parents=True)
    shutil.copy(empty_store, folder / "mlflow" / "mlflow.db")
    for planned in trials:
        record.write(folder, make_record(planned, history=epochs(5)), b"scores")
    assert run_sync(folder) == 4
    return store_content(folder)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_a_server_does_no_call_waits_and_sync_brings_everything(
    server, proxy, tmp_path, empty_store, monkeypatch, task_threads, fault
):
    def disturb():
        if fault == "dead":
            server.kill()
        else:
            proxy.fault = MODES[fault]

    results, trials = tmp_path / "driver", plan_three(FAULTS[fault])
    expected = expected_content(tmp_path / "whole", empty_store, trials)
    warnings = mirror_trials(results, proxy.uri, trials, disturb=disturb)
    assert set(task_threads) == {WRITER}
    assert len(warnings) == 1
    assert "harness sync" in warnings[0]
    if fault == "dead":
        server.start()
    proxy.freed.set()
    proxy.fault = MODES["flaky"]
    done = sync_in_new_process(results, proxy.uri)
    assert (done.stdout, done.returncode) == ("4\n", 0), done.stderr
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    content = store_content(server.results)
    for name, (status, tags, *values, files, _) in expected.items():
        got_status, got_tags, *got_values, got_files, _ = content[name]
        assert (got_status, got_values) == (status, values)
        assert tags.items() <= got_tags.items()
        assert set(files) <= set(got_files)
    seeds = [int(run.data.tags["seed"]) // 10 for run in runs(server.results)]
    assert seeds.count(FAULTS[fault] // 10) == len(trials)


@pytest.mark.parametrize("fault", ["cut before", "cut after"])
def test_a_connection_closed_at_any_request_changes_nothing(
    server, proxy, tmp_path, monkeypatch, fault
):
    """A server closes a connection that was idle, and the next request may be under way."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    tasks = tasks_of_two_trials(tmp_path)

    def written(cut_at):
        delete_runs(server)
        proxy.fault = lambda number: fault if number == cut_at else ""
        proxy.num_requests = 0
        assert run_in_thread(proxy.uri, tmp_path, tasks) == [""] * len(tasks)
        return store_content(server.results)

    expected = written(cut_at=0)
    num_requests = proxy.num_requests
    assert num_requests > 30
    for number in range(1, num_requests + 1):
        assert written(cut_at=number) == expected, f"cut at request {number}"
        assert len(runs(server.results)) == 2, f"cut at request {number}"


def tasks_of_two_trials(results):
    """Return tasks that fail a trial, go on with it, train it anew and end it, and kill another."""
    first, second = plan_three(40)[:2]
    again = epochs(3, start_ms=START_MS + 1_000_000)
    (run,), (other,) = trial_runs(first), trial_runs(second)
    output = table_output(results)
    table_run = TableRun(name=first.table, scale="desk", output=output, records=())
    return [
        methodcaller("log_epochs", trial_run=run, history=rows(epochs(2))),
        methodcaller("fail_trial", trial_run=run, reason="a reason"),
        methodcaller("log_epochs", trial_run=run, history=rows(epochs(3))),
        methodcaller("log_epochs", trial_run=run, history=rows(again)),
        methodcaller("log_epochs", trial_run=other, history=rows(epochs(1))),
        methodcaller("finish_trial", trial_run=run, record=make_record(first, history=again)),
        methodcaller("log_table", table_run=table_run),
        methodcaller("kill_unfinished"),
    ]


def rows(history):
    return [vars(epoch) for epoch in history]


def delete_runs(server):
    store = client(server.uri)
    for experiment in store.search_experiments():
        for run in store.search_runs([experiment.experiment_id]):
            store.delete_run(run.info.run_id)


def test_a_server_that_is_down_before_the_start_is_called_once(tmp_path, monkeypatch):
    port, addresses, connect = closed_port(), [], socket.socket.connect

    def connect_noted(self, address):
        addresses.append(address)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_noted)
    with pytest.raises(TrackingError, match="failed"):
        mirroring.check(f"http://127.0.0.1:{port}", results=tmp_path)
    assert addresses == [("127.0.0.1", port)]


@pytest.mark.parametrize("where", tracking.PLACES)
def test_sixteen_processes_lose_nothing(where):
    """A server takes them all; a file that is locked too long is brought up to date by `sync`."""
    found = tracking.crowd(where, Setting(processes=16, epochs=100, steps=1))
    assert (found["points"], found["lost"]) == (1600, 0)
    assert where == "file" or found["warnings"] == [], "\n".join(found["warnings"])


def test_a_sync_killed_at_any_call_is_completed_by_the_next(tmp_path, empty_store):
    expected = expected_content(tmp_path / "whole", empty_store, plan_three(0))
    for call in count(1):
        folder = tmp_path / f"killed at {call}"
        (folder / "mlflow").mkdir(parents=True)
        shutil.copy(empty_store, folder / "mlflow" / "mlflow.db")
        shutil.copytree(tmp_path / "whole" / "records", folder / "records")
        if sync_killed_at(call, folder) == 0:
            break
        run_sync(folder)
        assert store_content(folder) == expected, f"killed at call {call}"
        assert len(runs(folder)) == 3, f"killed at call {call}"
    assert call > 20


def sync_killed_at(call, folder):
    """Sync in a copy of this process that dies at a call of the store; return its exit code."""
    pid = os.fork()
    if pid == 0:
        from mlflow import MlflowClient

        calls = count(1)

        def deadly(method):
            def called(*args, **named):
                if next(calls) == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                return method(*args, **named)

            return called

        for name in ("create_run", "log_batch", "set_tag", "log_inputs", "set_terminated",
                     "log_artifact", "log_dict", "search_runs", "create_experiment"):  # fmt: skip
            setattr(MlflowClient, name, deadly(getattr(MlflowClient, name)))
        run_sync(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_port_that_answers_slowly_costs_the_driver_nothing(tmp_path, task_threads):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        opened = mirroring.Mirror(uri, results=tmp_path, warn=lambda _: None)
        wait_until(lambda: bool(task_threads))
        for number in range(1_000):
            opened.log_epochs(planned_trial(), epochs(number % 5))
        opened.close(timeout_s=0)
    assert task_threads == [WRITER]
