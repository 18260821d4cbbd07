"""What a results folder says of its run, from here and from other machines."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from experiments.table_b import EXPERIMENT
from harness.plan import grid
from harness.schedule import status
from harness.schedule.attempt import TrialEvent
from harness.schedule.status import Status, TrialStatus
from harness.schedule.status import text as status_text
from harness.schedule.status import writer as status_writer
from harness.schedule.status.writer import StatusWriter
from harness.schedule.stop import Interrupted, Stop
from harness.training.loop import Epoch
from harness.utils import lock, process
from harness.utils.lock import Holder
from tests.helpers.tiny_trials import shrunk
from tests.helpers.tracking_stores import wait_until

ELSEWHERE = Holder(
    what="running table_x",
    pid=77,
    host="x",
    since="2026-01-02 12:03:04 UTC",
    process="77 5",
    machine="another start of another machine",
    run="a",
)
HERE = replace(
    ELSEWHERE, pid=os.getpid(), process=process.current_process(), machine=process.machine_id()
)
SAID = Status(run="a", sequence=3, phase="running", seconds=75, at="2026-01-02 12:05:00 UTC")


def left_by(folder, holder, said=None):
    (folder / "lock.json").write_text(json.dumps(asdict(holder)))
    if said is not None:
        status.write(folder, said)


def first_line(folder):
    return status_text.format_lines(status.inspect_run(folder)).splitlines()[0]


def test_an_empty_folder_says_so(tmp_path):
    assert first_line(tmp_path) == "nothing runs here, and no earlier run is known"


def test_a_run_of_this_machine_lives_or_is_gone(tmp_path):
    left_by(tmp_path, HERE, SAID)
    who = f"running table_x since 2026-01-02 12:03:04 UTC by process {os.getpid()} on x"
    assert first_line(tmp_path) == f"running: {who}, for 1 min 15 s"
    left_by(tmp_path, replace(HERE, process=f"{os.getpid()} 1"))  # its number was used again
    assert first_line(tmp_path).startswith(
        "died: the driver is gone (its last status is of 2026-01-02 12:05:00 UTC): running table_x"
    )


def test_the_file_of_an_earlier_run_says_nothing_of_this_one(tmp_path):
    left_by(tmp_path, replace(HERE, run="b"), replace(SAID, phase="ended"))
    found = status.inspect_run(tmp_path)
    assert (found.phase, found.status) == ("starting", None)


@pytest.mark.parametrize("phase", ["ended", "interrupted", "broken"])
def test_a_last_word_counts_wherever_its_driver_was(tmp_path, phase):
    left_by(tmp_path, ELSEWHERE, replace(SAID, phase=phase, why="no space"))
    end = f"{phase} at 2026-01-02 12:05:00 UTC after 1 min 15 s"
    assert first_line(tmp_path).startswith(f"{end}: no space: running table_x, started")


def test_a_driver_elsewhere_lives_while_it_holds_the_lock(tmp_path):
    with lock.hold(tmp_path, what="running table_x"):
        left_by(tmp_path, ELSEWHERE, SAID)
        found = status.inspect_run(tmp_path)
    assert (found.phase, found.gone) == ("running", False)


@pytest.mark.slow
def test_a_driver_elsewhere_without_a_lock_lives_while_its_numbers_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(status, "_HEARTBEAT_WAIT_S", 1.0)
    left_by(tmp_path, ELSEWHERE, SAID)
    timer = threading.Timer(0.3, status.write, (tmp_path, replace(SAID, sequence=4)))
    timer.start()
    assert status.inspect_run(tmp_path).phase == "running"
    timer.join()
    found = status.inspect_run(tmp_path)
    assert (found.phase, found.sure) == ("died", False)
    assert "gone, as far as the file system tells (its" in first_line(tmp_path)


def test_half_a_file_is_no_file(tmp_path):
    left_by(tmp_path, HERE, SAID)
    whole = (tmp_path / "run.json").read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / "run.json").write_bytes(whole[:end])
        assert status.inspect_run(tmp_path).phase == "starting"
    (tmp_path / "lock.json").write_text("{")
    assert status.inspect_run(tmp_path).phase == "nothing"


ODD = [
    {"seconds": "1"},
    {"sequence": None},
    {"phase": "flying"},
    {"parts": [1]},
    {"parts": [{"key": "k"}]},
    {"parts": {}},
    {"unknown": 1},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_status_with_an_odd_field_is_none(tmp_path, odd):
    status.write(tmp_path, SAID)
    body = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(body | odd))
    assert status.read(tmp_path) is None
    (tmp_path / "run.json").write_text("[" * 100_000)
    assert status.read(tmp_path) is None


@pytest.mark.slow
def test_thousands_of_trials_are_counted_and_few_are_listed(tmp_path):
    waits = TrialStatus(key="k", name="t/row, seed 0", state="waiting", epoch=0, epochs=50)
    runs = replace(waits, state="running", epoch=7, top1=12.34, where="10.0.0.4 GPU 3")
    fails = replace(waits, state="failed", why="loss is nan")
    parts = (runs, fails, *[waits] * 3000)
    left_by(tmp_path, HERE, replace(SAID, parts=parts, seconds_left=7500))
    words = ["status", "--results", str(tmp_path)]
    program = f"import sys; from harness.cli.main import app; app({words}, standalone_mode=False)"
    program += "; print(sorted({'torch', 'ray', 'mlflow', 'av', 'pandas'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0].endswith(", about 2 h 05 min left")
    assert lines[1] == ("3,002 trials: 1 running, 1 failed, 3000 waiting; 7 of 150,100 epochs")
    assert lines[2] == ("  running  t/row, seed 0: epoch 7 of 50, top-1 12.3 %, on 10.0.0.4 GPU 3")
    assert lines[3] == "  failed   t/row, seed 0: loss is nan"
    assert lines[-2:] == ["           and 2,995 more waiting", "[]"]


def test_json_holds_every_trial(tmp_path):
    part = TrialStatus(key="k", name="t/row, seed 0", state="waiting", epoch=0, epochs=50)
    left_by(tmp_path, HERE, replace(SAID, parts=(part,)))
    body = json.loads(json.dumps(status.as_json(status.inspect_run(tmp_path))))
    assert body["phase"] == "running"
    assert body["holder"]["pid"] == os.getpid()
    assert [each["state"] for each in body["status"]["parts"]] == ["waiting"]


@pytest.fixture
def listed(tmp_path):
    return grid.trials(
        EXPERIMENT,
        rescale=shrunk,
        seeds=1,
        passport=lambda _: "p",
        code=lambda _: {},
        results=tmp_path,
    )


def epoch(number):
    return Epoch(
        epoch=number,
        loss=1.0,
        train_top1=50.0,
        val_top1=25.0,
        lr=0.1,
        seconds=1.0,
        waited_s=0.0,
        finished_ms=0,
    )


def states(folder):
    return [part.state for part in status.read(folder).parts]


@pytest.mark.slow
def test_the_status_follows_the_events_and_ends_with_the_run(tmp_path, listed):
    with StatusWriter(tmp_path, "a", Stop()) as writer:
        assert status.read(tmp_path).phase == "starting"
        writer.expect(listed[:3], listed[:3], seconds_left=lambda: 12.0)
        writer.on_event(TrialEvent(planned=listed[0], history=[epoch(1)], location="here"))
        writer.on_event(TrialEvent(planned=listed[1], failure="loss is nan"))
        wait_until(lambda: states(tmp_path) == ["running", "failed", "waiting"])
        said = status.read(tmp_path)
        assert (said.phase, said.seconds_left) == ("running", 12.0)
        assert (said.parts[0].epoch, said.parts[0].where) == (1, "here")
    assert status.read(tmp_path).phase == "ended"
    assert states(tmp_path) == ["left", "failed", "waiting"]


def test_the_status_is_written_at_most_once_a_second(tmp_path, listed, monkeypatch):
    now = 100.0
    monkeypatch.setattr(status_writer, "time", SimpleNamespace(monotonic=lambda: now))
    writer = StatusWriter(tmp_path, "a", Stop())
    writer.expect(listed, listed, seconds_left=lambda: None)
    written = []
    for now in (100.0, 100.5, 100.75, 101.0, 101.5, 102.0, 102.5):
        writer.on_event(TrialEvent(planned=listed[0], history=[epoch(1)]))
        if writer._is_due():
            writer._write()
            written.append(now)
    assert written == [100.0, 101.0, 102.0]
    assert status.read(tmp_path).sequence == 3


@pytest.mark.parametrize(
    ("error", "phase", "why"),
    [(ValueError("no such data"), "broken", "no such data"), (Interrupted(130), "interrupted", "")],
)
def test_the_last_status_says_how_a_run_ended(tmp_path, error, phase, why):
    with pytest.raises(type(error)), StatusWriter(tmp_path, "a", Stop()):
        raise error
    said = status.read(tmp_path)
    assert (said.phase, said.why) == (phase, why)


def test_a_full_disk_is_no_reason_to_end(tmp_path, listed):
    folder = tmp_path / "results"
    folder.write_text("a file, where nothing can be written into")
    with StatusWriter(folder, "a", Stop()) as writer:
        writer.expect(listed, listed, seconds_left=lambda: None)
        writer.on_event(TrialEvent(planned=listed[0], history=[epoch(1)]))
