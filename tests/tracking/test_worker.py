"""A store in a process of its own: real processes, real stores."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.table_b import EXPERIMENT
from harness import tracking
from harness.tracking import Store, StoreProcess
from harness.tracking import mirror as mirroring
from tests.helpers.sockets import family
from tests.helpers.tracking_stores import (
    PATIENCE_S,
    ROOT,
    SECRET,
    child,
    closed_port,
    curve,
    epochs,
    only_run,
    planned,
    published,
    recorded,
    runs,
    runs_if_any,
    wait_until,
)


def children() -> set[int]:
    return set(family(os.getpid())[1:])


def ask_for_what_is_not_there(store: Store) -> None:
    store.epochs(subject=None, history=[])  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_mirror_imports_mlflow_into_another_process_alone(results: Path) -> None:
    program = f"""
import sys
from tests.helpers.tracking_stores import *
results = Path({str(results)!r})
with mirroring.Mirror(tracking.store_uri(results), results=results, warn=print) as opened:
    opened.finished(planned(), recorded(planned()))
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
        opened.epochs(planned(seed=1), epochs(1))
        opened.failed(planned(seed=1), "a reason")
        opened.finished(planned(), recorded(planned()))
        output = published(results)
        opened.table(EXPERIMENT, scale="desk", output=output, records=[])
        wait_until(lambda: bool(runs_if_any(results)))
        wait_until(lambda: len(runs(results, "table")) == 1)
        (writer,) = children() - before
        assert "libtorch" not in Path(f"/proc/{writer}/maps").read_text()
    assert children() == before


@pytest.mark.slow
def test_after_its_end_a_store_takes_nothing(results: Path) -> None:
    store = StoreProcess(tracking.store_uri(results), results)
    store.do(Store.leave)
    store.close()
    with pytest.raises(tracking.TrackingError, match="nothing more is sent"):
        store.do(Store.leave)


@pytest.mark.slow
def test_a_writer_that_dies_is_said_and_started_anew(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "PAUSE_S", 0.0)
    before, warnings = children(), list[str]()
    opened = mirroring.Mirror(tracking.store_uri(results), results=results, warn=warnings.append)
    opened.epochs(planned(), epochs(1))
    wait_until(lambda: bool(runs_if_any(results)))
    for each in children() - before:
        os.kill(each, signal.SIGKILL)
    opened.finished(planned(seed=1), recorded(planned(seed=1)))  # lost with the process
    wait_until(lambda: bool(warnings))
    opened.finished(planned(), recorded(planned()))
    opened.close(timeout_s=PATIENCE_S)
    assert "ended with -9; trials go on, `harness sync` sends what is missing" in warnings[0]
    assert len(warnings) == 1
    assert only_run(results).info.status == "FINISHED"
    assert len(curve(results, only_run(results), "train/loss")) == 3
    assert children() == before


@pytest.mark.slow
def test_the_writer_outlives_ctrl_c_and_ends_with_whoever_started_it(results: Path) -> None:
    with child(f"send_and_hang({str(results)!r})") as process:
        wait_until(lambda: bool(runs_if_any(results)))
        (writer,) = family(process.pid)[1:]
        assert os.getpgid(writer) != os.getpgid(process.pid)
        process.kill()
    wait_until(lambda: not Path(f"/proc/{writer}").exists(), within_s=10)


@pytest.mark.slow
def test_a_password_is_in_no_command_line(tmp_path: Path) -> None:
    before = children()
    uri = f"http://user:{SECRET}@127.0.0.1:{closed_port()}"
    store = StoreProcess(uri, tmp_path)
    with pytest.raises(tracking.TrackingError, match=r"\*\*\*@127\.0\.0\.1") as caught:
        store.do(Store.leave)
    assert SECRET not in str(caught.value)
    (there,) = children() - before
    assert SECRET.encode() not in Path(f"/proc/{there}/cmdline").read_bytes()
    store.close()


@pytest.mark.slow
def test_a_fault_of_ours_is_raised_with_its_trace(results: Path) -> None:
    store = StoreProcess(tracking.store_uri(results), results)
    with pytest.raises(RuntimeError, match="ask_for_what_is_not_there"):
        store.do(ask_for_what_is_not_there)
    store.close()


@pytest.mark.slow
def test_curves_rest_and_the_end_of_a_trial_does_not(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "REST", 1e9)
    opened = mirroring.Mirror(tracking.store_uri(results), results=results, warn=pytest.fail)
    opened.epochs(planned(), epochs(1))
    wait_until(lambda: bool(runs_if_any(results)))
    opened.epochs(planned(), epochs(2))
    time.sleep(1)
    assert len(curve(results, only_run(results), "train/loss")) == 1
    opened.failed(planned(), "a reason")
    wait_until(lambda: only_run(results).info.status == "FAILED")
    assert len(curve(results, only_run(results), "train/loss")) == 2
    opened.close(timeout_s=PATIENCE_S)


def test_no_process_to_be_had_warns_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    warnings: list[str] = []
    opened = mirroring.Mirror(tracking.store_uri(tmp_path), results=tmp_path, warn=warnings.append)
    opened.finished(planned(), recorded(planned()))
    opened.close(timeout_s=PATIENCE_S)
    assert not opened.alive
    assert len(warnings) == 1
    assert "No such file" in warnings[0]
