"""Real runs, real signals: what a run leaves behind when it is asked to end, once or twice."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import record
from harness.cli.main import app
from harness.schedule import status
from harness.schedule import stop as stopping
from harness.utils import lock, process
from harness.utils.lock import Holder

ROOT = Path(__file__).parents[2]
ROWS = ("TSN+I3D R50", "DSA at II")
EPOCHS = 40
PATIENCE_S = 240  # for what must come, on a busy machine
PROGRAM = """
import sys
from pathlib import Path
from rich.console import Console
from experiments.table_b import EXPERIMENT
from harness import launch
from harness.plan.request import Request
from harness.runtime import Runtime
from harness.schedule.ray.tune import Resources
from harness.schedule.stop import Interrupted
from harness.tracking import store_uri
from tests.schedule.test_stop import ROWS, longer
results, data, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
request = Request(
    experiment=EXPERIMENT,
    scale="desk",
    rescale=longer,
    seeds=1,
    rows=ROWS,
    runtime=Runtime(results=results, data=data, workers=1 if how == "loaders" else 0),
)
try:
    outcome = launch.run(
        [request],
        resources=Resources() if how == "ray" else None,
        tracking=store_uri(results),
        console=Console(file=sys.stdout),
    )
except Interrupted as error:
    sys.exit(error.code)
sys.exit(outcome.code)
"""


def longer(trial):
    """Return a tiny trial of some epochs, long enough to be stopped in the middle."""
    from dataclasses import replace

    from tests.helpers.tiny_trials import shrunk

    small = shrunk(trial)
    return replace(
        small,
        train=replace(small.train, epochs=EPOCHS),
        evaluation=replace(small.evaluation, every_epochs=0),
    )


def start(results, data_root, how):
    """Start a run that leads a session, as the shell of a terminal would."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(results), str(data_root), how],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process):
    text, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, text


def harness(*words):
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def until(condition, process):
    """Wait until something is so while a run works."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def phase(results):
    found = status.read(results)
    return found.phase if found else ""


def reached(results):
    """Return the epoch of the newest checkpoint of each trial that has one."""
    newest = {path.parent.name: path.name for path in sorted(results.glob("work/*/epoch-*.pt"))}
    return {key: int(name.split("-")[1]) for key, name in newest.items()}


def session(leader):
    """Return the processes that a run started and that still live."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.add(int(path.parent.name))
    return found


def nothing_is_left(leader):
    return stopping.wait_until(lambda: not session(leader), seconds=10)


def scores(results):
    return {key: record.read(results, key).scores_sha256 for key in keys(results)}


def keys(results):
    return {path.stem for path in results.glob("records/*.json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data_root, empty_store):
    """The scores of a run that nobody stops."""
    results = tmp_path_factory.mktemp("undisturbed")
    (results / "mlflow").mkdir()
    shutil.copy(empty_store, results / "mlflow" / "mlflow.db")
    code, text = end(start(results, data_root, "here"))
    assert code == 0, text
    found = scores(results)
    assert len(found) == len(ROWS)
    return found


def before_the_first_epoch(results):
    return phase(results) == "running"


def in_the_middle(results):
    return max(reached(results).values(), default=0) > 2


def status_shows_an_epoch(results):
    found = status.read(results)
    return found is not None and any(trial.epoch for trial in found.parts)


def while_tables_are_written(results):
    return any(results.glob("tables/*.md"))


ONCE = [
    ("here", signal.SIGTERM, before_the_first_epoch),
    ("loaders", signal.SIGINT, in_the_middle),
    ("here", signal.SIGTERM, while_tables_are_written),
    ("ray", signal.SIGINT, in_the_middle),
    ("ray", signal.SIGTERM, in_the_middle),
]


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.parametrize(("how", "number", "moment"), ONCE)
def test_a_signal_ends_a_run_after_its_epoch(results, data_root, undisturbed, how, number, moment):
    first = start(results, data_root, how)
    until(lambda: moment(results), first)
    # A terminal sends Ctrl-C to every process in front of it; SIGTERM comes to one.
    (os.killpg if number == signal.SIGINT else os.kill)(first.pid, number)
    code, text = end(first)
    is_complete = moment is while_tables_are_written
    assert code == (0 if is_complete else 128 + number), text
    assert nothing_is_left(first.pid)
    assert phase(results) == ("ended" if is_complete else "interrupted")
    assert not list(results.glob("work/*/.epoch*"))
    table = (results / "tables" / "table_b.md").read_text()
    if is_complete:
        assert scores(results) == undisturbed
        assert (results / "tables" / "table_b.tex").exists()
    else:
        assert "stopping: " in text
        assert keys(results) < set(undisturbed)
    if moment is in_the_middle:
        assert "interrupted" in table
    before = reached(results)
    code, text = end(start(results, data_root, "here"))
    assert code == 0, text
    assert scores(results) == undisturbed
    for key, epoch in before.items():
        assert record.read(results, key).resumed_epochs == [epoch]


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.parametrize(("how", "number"), [("here", signal.SIGINT), ("ray", signal.SIGTERM)])
def test_a_second_signal_ends_a_run_at_once(results, data_root, undisturbed, how, number):
    first = start(results, data_root, how)
    until(lambda: in_the_middle(results), first)
    os.kill(first.pid, number)
    time.sleep(0.05)
    os.kill(first.pid, number)
    code, text = end(first)
    assert code == 128 + number, text
    assert nothing_is_left(first.pid)
    assert keys(results) < set(undisturbed)
    before = reached(results)
    assert max(before.values()) > 2
    code, text = end(start(results, data_root, "here"))
    assert code == 0, text
    assert scores(results) == undisturbed
    for key, epoch in before.items():
        assert record.read(results, key).resumed_epochs[-1] >= epoch


@pytest.mark.slow
def test_stop_is_heard_by_way_of_the_folder_and_status_follows(results, data_root):
    run = start(results, data_root, "here")
    until(lambda: status_shows_an_epoch(results), run)
    seen = harness("status", "--results", results).stdout
    assert re.match(rf"running: running table_b since .* UTC by process {run.pid} on ", seen)
    epochs = rf"epoch \d+ of {EPOCHS}, (top-1 [\d.]+ %, )?waits \d+ % of its time for data"
    assert re.search(rf"  running  table_b/.*: {epochs}(: --workers \d+)?, on ", seen)
    asked = harness("stop", "--results", results)
    assert asked.returncode == 0, asked.stderr
    assert f"by process {run.pid} on" in asked.stdout
    code, text = end(run)
    assert code == 128 + signal.SIGTERM, text
    seen = harness("status", "--results", results).stdout
    assert seen.startswith("interrupted at ")
    assert "  left     table_b/" in seen
    assert not (results / "stop.json").exists()


@pytest.mark.slow
def test_stop_now_ends_even_a_driver_that_hangs(results, data_root, monkeypatch):
    monkeypatch.setattr(stopping, "_POLITE_S", 1.0)
    monkeypatch.setattr(stopping, "_URGENT_S", 0.5)
    run = start(results, data_root, "here")
    until(lambda: in_the_middle(results), run)
    os.kill(run.pid, signal.SIGSTOP)
    said = stopping.force_stop(results, lock.read_holder(results))
    assert said.startswith("it did not respond and was killed")
    assert run.wait(PATIENCE_S) == -signal.SIGKILL
    run.stdout.close()
    seen = harness("status", "--results", results).stdout
    assert seen.startswith("died: the driver is gone (its last status is of ")
    assert keys(results) < {part.key for part in status.read(results).parts}


HOLDER = """
import sys, time
from pathlib import Path
from harness.schedule.stop import Interrupted, handle_signals
from harness.utils import lock
results = Path(sys.argv[1])
with lock.hold(results, what="running table_x") as holder:
    with handle_signals(results, holder.run) as stop, stop.watchdog():
        print(holder.run, flush=True)
        try:
            while True:
                time.sleep(0.05)
        except Interrupted as error:
            sys.exit(error.code)
"""


@pytest.mark.slow
def test_a_file_asks_only_the_run_that_it_names(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    run = holder.stdout.readline().strip()
    stopping.request_stop(tmp_path, "another", now=True)
    time.sleep(0.3)
    assert holder.poll() is None
    stopping.request_stop(tmp_path, run, now=False)
    assert holder.wait(PATIENCE_S) == 128 + signal.SIGTERM
    holder.stdout.close()
    assert not (tmp_path / "stop.json").exists()


def planted(results, **fields):
    """Write a lock file that names a process of this machine."""
    pid = fields.get("pid", os.getpid())
    body = {
        "what": "running",
        "host": "x",
        "since": "now",
        "run": "r",
        "pid": pid,
        "process": f"{pid} {process._start_time(pid) if pid > 0 else 1.0}",
        "machine": process.machine_id(),
        "command": process.command(pid) if pid > 0 else "",
    }
    (results / "lock").touch()
    (results / "lock.json").write_text(json.dumps(body | fields))
    return Holder(**body | fields)


@pytest.fixture
def signals(monkeypatch):
    """List the signals that are sent, and send none."""
    sent = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, int(number))))
    monkeypatch.setattr(stopping, "_POLITE_S", 0.1)
    monkeypatch.setattr(stopping, "_URGENT_S", 0.1)
    return sent


PIDS = {"all": -1, "group": 0, "init": 1, "parent": os.getppid(), "this": os.getpid()}


@pytest.mark.parametrize("pid", PIDS.values(), ids=PIDS)
def test_a_planted_lock_file_has_nobody_signalled(tmp_path, signals, pid):
    holder = planted(tmp_path, pid=pid)
    with pytest.raises(ValueError, match="nothing was signalled"):
        stopping.force_stop(tmp_path, holder)
    assert signals == []


def test_a_lock_file_whose_pid_is_not_its_process_has_nobody_signalled(tmp_path, signals):
    holder = planted(tmp_path, pid=os.getppid(), process=process.current_process())
    with pytest.raises(ValueError, match="nothing was signalled"):
        stopping.force_stop(tmp_path, holder)
    assert signals == []


def test_the_command_says_why_nobody_is_signalled(tmp_path, signals):
    planted(tmp_path, pid=os.getppid())
    with pytest.raises(ValueError, match=r"does not hold its lock; nothing was signalled"):
        app(["stop", "--now", "--results", str(tmp_path)], standalone_mode=False)
    (tmp_path / "lock.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="no run to stop"):
        app(["stop", "--now", "--results", str(tmp_path)], standalone_mode=False)
    assert signals == []


def test_a_request_to_stop_that_is_a_link_a_pipe_or_deep_is_none(tmp_path):
    stop = stopping.Stop(tmp_path, "r")
    path, target = tmp_path / "stop.json", tmp_path / "target"
    target.write_text(json.dumps({"run": "r", "now": True}))
    path.symlink_to(target)
    assert stop._read_file() == stopping.Urgency.NONE
    path.unlink()
    os.mkfifo(path)
    assert stop._read_file() == stopping.Urgency.NONE
    path.unlink()
    path.write_text("[" * 900)
    assert stop._read_file() == stopping.Urgency.NONE
    path.unlink()
    target.rename(path)
    assert stop._read_file() == stopping.Urgency.NOW


STUBBORN = """
import signal, sys, time
from pathlib import Path
from harness.schedule import stop as stopping

stopping.LEAVE_S = float(sys.argv[2])

def mark():
    Path(sys.argv[1]).write_text("told")

with stopping.handle_signals(Path(sys.argv[1]).parent, "a run") as stop:
    with stop.watchdog(on_exit=mark):
        while True:
            try:
                print("ready", flush=True)
                time.sleep(3600)
            except stopping.Interrupted:
                print("hangs", flush=True)
"""


def hanging_process(mark, *, leave_s):
    """Start a process that takes requests to stop and never ends by itself."""
    words = [sys.executable, "-c", STUBBORN, str(mark), str(leave_s)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.stdout.readline() == "hangs\n"
    return process


@pytest.mark.slow
def test_a_third_request_ends_a_process_that_hangs_while_leaving(tmp_path):
    with hanging_process(tmp_path / "mark", leave_s=3600) as process:
        process.terminate()
        time.sleep(0.5)
        assert process.poll() is None
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert (tmp_path / "mark").read_text() == "told"


@pytest.mark.slow
def test_the_watchdog_ends_a_process_that_takes_too_long_to_leave(tmp_path):
    with hanging_process(tmp_path / "mark", leave_s=0.5) as process:
        assert process.wait(60) == 128 + signal.SIGTERM
    assert (tmp_path / "mark").read_text() == "told"


def test_a_damaged_request_asks_for_nothing(tmp_path):
    stop = stopping.Stop(tmp_path, "a")
    for text in ("", "[", "{}", "3", json.dumps({"run": "a"})):
        (tmp_path / "stop.json").write_text(text)
        stop.poll_file()
        assert not stop.is_requested


def test_a_first_request_is_noted_and_a_second_one_raises():
    stop, before = stopping.Stop(), signal.getsignal(signal.SIGINT)
    stop.install_handlers()
    try:
        with stop.graceful():
            signal.raise_signal(signal.SIGINT)
            assert stop.is_requested
            with pytest.raises(stopping.Interrupted) as caught:
                signal.raise_signal(signal.SIGTERM)
            assert caught.value.code == 128 + signal.SIGINT
            assert not stop.must_exit
            signal.raise_signal(signal.SIGINT)  # leaving is not interrupted
            assert stop.must_exit
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.slow
def test_nobody_to_stop_is_a_sentence(tmp_path):
    done = harness("stop", "--results", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"harness: no run to stop in {tmp_path}: nothing runs here, and")
