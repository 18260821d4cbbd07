"""A secret of the environment, of an address and of a message: it comes out of no sink."""

import importlib.util
import io
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from experiments.table_b import EXPERIMENT
from harness import launch, tracking
from harness.cli import main as command_line
from harness.cli.requests import build_requests, print_error
from harness.plan.request import Request
from harness.runtime import Runtime
from harness.schedule import doctor, serial, status
from harness.schedule.ray import session
from harness.schedule.status.writer import StatusWriter
from harness.schedule.stop import Stop
from harness.tracking import errors, outgoing, sinks
from harness.tracking.runs import trial_runs
from harness.tracking.store import Store
from harness.utils.journal import Journal
from tests.helpers import fake_wandb
from tests.helpers.tiny_trials import shrunk
from tests.helpers.tracking_stores import closed_port, make_record, planned_trial, wait_until

CANARIES = {
    "variable": "canary-var-7c1f",
    "password": "canary pw'7c1f",
    "unknown": "canary-unk-7c1f",
    "folder": "canary-dir-7c1f",
}
ADDRESS = f"https://somebody:{CANARIES['password']}@127.0.0.1:9/x"
MESSAGE = (
    f"HF_TOKEN is {CANARIES['variable']}; postgresql://user:{CANARIES['unknown']} word@db; "
    f"Authorization: Bearer {CANARIES['unknown']}; {{'password': '{CANARIES['unknown']}'}}; "
    f"{ADDRESS}"
)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", CANARIES["variable"])
    monkeypatch.setenv("SOME_DATABASE", ADDRESS)


@pytest.fixture
def home(tmp_path):
    """Return a folder whose name should not get about."""
    return tmp_path / CANARIES["folder"]


def heard(text, *, paths=False):
    """Return the canaries in what was written; those of folders only where they are not meant."""
    text = text.decode("latin1") if isinstance(text, bytes) else text
    return [
        name for name, canary in CANARIES.items() if canary in text and (paths or name != "folder")
    ]


def heard_in(folder, *, paths=True):
    found = {
        str(path.relative_to(folder)): heard(path.read_bytes(), paths=paths)
        for path in folder.rglob("*")
        if path.is_file()
    }
    return {name: canaries for name, canaries in found.items() if canaries}


def refuse(home, spec, runtime, report):
    raise ValueError(f"{home}/a.mp4: {MESSAGE}")


def crash(home, spec, runtime, report):
    raise KeyError(f"{home}/a.mp4: {MESSAGE}")


@pytest.mark.parametrize("fail", [refuse, crash])
def test_a_failure_tells_neither_the_status_nor_a_log(fail, home, tmp_path):
    runtime = Runtime(results=tmp_path / "results", data=tmp_path)
    planned, events = planned_trial(), []
    with StatusWriter(runtime.results, "r", Stop()) as writer:
        writer.expect([planned], [planned], seconds_left=lambda: None)

        def on_event(event):
            events.append(event)
            writer.on_event(event)

        serial.run_serially([planned], runtime, on_event, run_trial=lambda *a: fail(home, *a))
    assert heard(events[-1].failure) == []
    assert "a.mp4" in status.read(runtime.results).parts[0].why
    assert heard_in(runtime.results) == {}
    if fail is crash:
        text = (runtime.results / "logs" / f"{planned.key}.txt").read_text()
        assert 'File "harness/schedule/attempt.py"' in text
        assert "logs" in events[-1].failure


def test_a_run_that_breaks_tells_its_status_nothing(home, tmp_path):
    results = tmp_path / "results"
    with pytest.raises(RuntimeError), StatusWriter(results, "r", Stop()):
        raise RuntimeError(f"{home}/a: {MESSAGE}")
    assert status.read(results).phase == "broken"
    assert heard_in(tmp_path) == {}


def test_the_console_hides_secrets_and_keeps_paths(home, capsys):
    print_error(f"{home}/a: {MESSAGE}")
    launch._print(Console(file=sys.stdout), f"{home}/a: {MESSAGE}")
    command_line._print_traceback(KeyError, KeyError(MESSAGE), None)
    said = "".join(capsys.readouterr())
    assert heard(said) == []
    assert said.count(str(home)) == 2


def test_errors_of_a_store_hide_the_address_that_they_are_about(monkeypatch):
    monkeypatch.delenv("SOME_DATABASE")
    said = errors.describe_error(ADDRESS, OSError(f"{MESSAGE} {CANARIES['password']}"))
    assert heard(said) == []


def test_the_doctor_hides_secrets(monkeypatch, tmp_path):
    uri = f"http://user:{CANARIES['password']}@127.0.0.1:{closed_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    results = [doctor.check_store(tmp_path), doctor.problem("a", MESSAGE, MESSAGE)]
    assert heard("".join(map(str, results))) == []


def test_a_journal_hides_what_is_known_to_be_secret(tmp_path):
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append({"id": f"a {CANARIES['variable']}", "list": [{"why": CANARIES["variable"]}]})
        (row,) = journal.rows()
    assert row == {"id": "a ***", "list": [{"why": "***"}]}


def test_the_log_of_ray_hides_what_is_known_to_be_secret(tmp_path):
    with session.redirect_output(tmp_path / "logs" / "ray.log"):
        os.write(2, f"worker said {CANARIES['variable']}\n".encode())
        print(CANARIES["variable"])
    text = (tmp_path / "logs" / "ray.log").read_text()
    assert text.count("worker said") == 1
    assert heard(text) == []


def test_the_name_of_a_launch_holds_no_secret(tmp_path):
    (request,) = build_requests(
        ["table_b"], scale="desk", results=tmp_path, campaign=f"a {CANARIES['variable']}"
    )
    assert request.runtime.campaign == "a ***"


def test_a_file_that_holds_a_secret_is_not_sent(tmp_path):
    (tmp_path / "table.md").write_text(f"| {CANARIES['variable']} |")
    with pytest.raises(tracking.TrackingError, match=r"table\.md holds a password"):
        outgoing.check_file(tmp_path / "table.md")
    (tmp_path / "table.md").write_text("| 1 |")
    assert outgoing.check_file(tmp_path / "table.md") == str(tmp_path / "table.md")


@pytest.mark.slow
def test_a_store_hides_secrets_and_paths(results, home):
    uri = tracking.store_uri(results)
    store = Store(uri, results, campaign=CANARIES["variable"])
    (trial_run,) = tracking.mirror.trial_runs(planned_trial())
    store.fail_trial(trial_run=trial_run, reason=f"{home}/a.mp4: {MESSAGE}")
    (run,) = store.client.search_runs([store.experiment("table_b")])
    assert "a.mp4" in run.data.tags["reason"]
    assert run.data.tags["campaign"] == "***"
    assert heard(json.dumps(run.to_dictionary()), paths=True) == []


@pytest.mark.parametrize("kind", sinks.KINDS)
def test_no_sink_writes_a_secret_or_a_path(kind, home, tmp_path, monkeypatch):
    fake_wandb.install(monkeypatch, key=CANARIES["unknown"])
    monkeypatch.setenv("OTHER_TOKEN", CANARIES["unknown"])
    if importlib.util.find_spec(kind) is None:
        pytest.skip(f"the package {kind} is not installed")
    planned = replace(planned_trial(), rows=(f"a {CANARIES['variable']}",))
    (trial_run,) = trial_runs(planned)
    spoilt = replace(trial_run, trial={**trial_run.trial, "data": {"name": MESSAGE}})
    entry = make_record(planned)
    (address,) = sinks.addresses(**{kind: tmp_path / kind if kind == "tensorboard" else "p"})
    sink = sinks.open_sink(address, tmp_path / "results")
    sink.log_epochs(trial_run=spoilt, history=entry.history)
    sink.fail_trial(trial_run=spoilt, reason=f"{home}/a.mp4: {MESSAGE}")
    sink.finish_trial(trial_run=spoilt, record=entry)
    sink.kill_unfinished()
    assert [path for path in tmp_path.rglob("*") if path.is_file()]
    assert heard_in(tmp_path) == {}
    assert heard(" ".join(map(str, tmp_path.rglob("*")))) == []


@pytest.mark.slow
def test_a_whole_run_that_fails_writes_no_secret_anywhere(
    home, data_root, empty_store, tmp_path, monkeypatch
):
    fake_wandb.install(monkeypatch, key=CANARIES["unknown"])
    results = tmp_path / "results"
    (results / "mlflow").mkdir(parents=True, mode=0o700)
    shutil.copy(empty_store, results / "mlflow" / "mlflow.db")
    runtime = Runtime(results=results, data=data_root)
    request = Request(
        experiment=EXPERIMENT,
        scale="desk",
        rescale=shrunk,
        seeds=1,
        rows=("DSA at II", "DSA at I"),
        runtime=runtime,
    )
    failures = iter([refuse, crash])
    console = io.StringIO()
    outcome = launch.run(
        [request],
        resources=None,
        tracking=tracking.store_uri(results),
        console=Console(file=console, width=200),
        sinks=["wandb:p"],
        run_trial=lambda *args: next(failures)(home, *args),
    )
    assert len(outcome.failed) == 2
    wait_until(lambda: not list(Path(results).glob("mlflow/*-journal")))
    assert heard(console.getvalue()) == []
    assert heard_in(results) == {}
