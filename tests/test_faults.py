"""Fault injection, one test per guarantee: the cheap ones.

The long ones are in `test_chaos`; docs/reliability.md lists the guarantees.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness import record, trial
from harness.schedule import serial
from harness.training import trainer
from harness.utils import lock
from tests.helpers import kill_points
from tests.helpers.kill_points import RESUMED
from tests.test_record import made
from tests.test_trial import StoppedError

ROOT = Path(__file__).parents[1]


def numbers(done):
    """Return everything in a record that a fault must not change."""
    clock = ("seconds", "waited_s", "finished_ms")
    history = [{k: v for k, v in epoch.items() if k not in clock} for epoch in done.history]
    return history, done.metrics, done.scores_sha256, done.key, done.gmacs


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory, data_root):
    """A trial run to its end undisturbed, killed at each point, and on a full disk."""
    root = tmp_path_factory.mktemp("scenarios")
    program = [
        sys.executable,
        "-m",
        "tests.helpers.kill_points",
        "scenarios",
        str(root),
        str(data_root),
    ]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads((root / "ends.json").read_text())
    records = {name: record.read(root / name, told["key"]) for name in [*told["ends"], "whole"]}
    return root, told["ends"], records


@pytest.mark.slow
@pytest.mark.parametrize("point", RESUMED)
def test_a_trial_killed_at_any_point_ends_with_the_same_bits(scenarios, point):
    _, ends, records = scenarios
    assert ends[point] == -signal.SIGKILL
    assert records[point].resumed_epochs == RESUMED[point]
    assert numbers(records[point]) == numbers(records["whole"])


@pytest.mark.slow
def test_a_disk_that_fills_up_fails_a_trial_in_a_sentence_and_it_goes_on_later(scenarios):
    root, _, records = scenarios
    said = json.loads((root / "full disk" / "full.json").read_text())
    assert said["failure"].startswith("OSError: [Errno 27] File too large")
    assert len(said["failure"].splitlines()) == 1
    assert said["epochs_left"] == 1
    assert records["full disk"].resumed_epochs == [1]
    assert numbers(records["full disk"]) == numbers(records["whole"])


@pytest.mark.slow
def test_a_clock_that_is_set_back_changes_neither_the_checkpoint_nor_the_numbers(
    tiny_trial, runtime, tmp_path, monkeypatch
):
    longer = replace(tiny_trial, train=replace(tiny_trial.train, epochs=4))
    undisturbed = trial.run(longer, replace(runtime, results=tmp_path / "whole"), lambda _: None)

    def stop(history):
        if len(history) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        trial.run(longer, runtime, stop)
    newest_first = sorted(runtime.work(undisturbed.key).glob("*.pt"), reverse=True)
    for age, path in enumerate(newest_first):
        os.utime(path, (10_000 + age, 10_000 + age))
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() - 3_600 * 10**9)
    resumed = trial.run(longer, runtime, lambda _: None)
    assert resumed.resumed_epochs == [3]
    assert resumed.history[3]["finished_ms"] < resumed.history[2]["finished_ms"]
    assert resumed.history[3]["seconds"] > 0
    assert numbers(resumed) == numbers(undisturbed)


@pytest.mark.slow
def test_a_gpu_out_of_memory_ends_the_trial_alone_and_changes_no_batch(
    tiny_trial, runtime, monkeypatch
):
    first = kill_points.one(runtime)
    second = replace(first, trial=tiny_trial)
    gradients, batches = trainer.Trainer._backward, []

    def full(trainer, batch):
        if trainer.spec.epochs == first.trial.train.epochs and len(batch.labels) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        batches.append((trainer.spec.epochs, len(batch.labels)))
        return gradients(trainer, batch)

    monkeypatch.setattr(trainer.Trainer, "_backward", full)
    events = []
    second = replace(second, key=trial.run(tiny_trial, runtime, lambda _: None).key)
    serial.run_serially([first, second], runtime, events.append)
    (failed,) = [event for event in events if event.failure]
    size = first.trial.train.batch_videos
    assert failed.failure.startswith(f"{size} videos at a time do not fit into the memory of this")
    assert "; 5 would: pass a smaller --batch" in failed.failure
    assert record.read(runtime.results, first.key) is None
    assert events[-1].record.metrics["videos"] == 12
    size, epochs = tiny_trial.train.batch_videos, tiny_trial.train.epochs
    assert {videos for of, videos in batches if of == epochs} == {size}


@pytest.mark.slow
def test_a_record_cut_or_flipped_anywhere_is_never_believed(tmp_path):
    first_hashes = dict(list(made().code.items())[:2])  # 299 more are of the same kind
    small = replace(made(), code=first_hashes)
    record.write(tmp_path, small, b"")
    path = tmp_path / "records" / f"{small.key}.json"
    whole = path.read_bytes()
    for place in range(len(whole) - 2):
        path.write_bytes(whole[:place])
        with pytest.raises(ValueError, match="delete it"):
            record.read(tmp_path, small.key)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with contextlib.suppress(ValueError):  # a digit beyond those that a number has
            assert record.read(tmp_path, small.key) == small


@pytest.mark.slow
def test_a_trial_that_failed_has_no_record_and_runs_again(tiny_trial, runtime):
    greedy = replace(tiny_trial, train=replace(tiny_trial.train, batch_videos=99))
    planned = replace(kill_points.one(runtime), trial=greedy)
    for _ in range(2):
        events = []
        serial.run_serially([planned], runtime, events.append)
        assert "are fewer than one batch of 99" in events[-1].failure
        assert not (runtime.results / "records").exists()


RACER = """
import sys
from pathlib import Path
from harness.utils import lock
print("ready", flush=True)
sys.stdin.readline()
try:
    with lock.hold(Path(sys.argv[1]), what="running table_x"):
        print("works", flush=True)
        sys.stdin.readline()
except ValueError as error:
    print(error, flush=True)
"""


@pytest.mark.slow
def test_of_many_that_start_at_once_one_works(tmp_path):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    assert {each.stdout.readline() for each in racers} == {"ready\n"}
    for each in racers:
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.stdout.readline() for each in racers]  # whoever works, does so until then
    assert [each.communicate()[0] for each in racers] == [""] * 8
    assert said.count("works\n") == 1
    assert sum(f"{tmp_path} is in use" in each for each in said) == 7


@pytest.mark.parametrize(
    "forged",
    [
        '{"what": "running", "pid": 1, "host": "elsewhere", "since": "2020-01-01 00:00:00 UTC"}',
        f'{{"what": "running", "pid": {os.getpid()}, "host": "h", "since": "2099"}}',
        '{"what": "runn',
        "",
    ],
    ids=["elsewhere", "alive", "torn", "empty"],
)
def test_what_a_dead_owner_left_does_not_hold_the_folder(tmp_path, forged):
    (tmp_path / "lock.json").write_text(forged)
    (tmp_path / "lock").write_text(forged)
    with lock.hold(tmp_path, what="running table_b"):
        assert json.loads((tmp_path / "lock.json").read_text())["pid"] == os.getpid()


def test_a_results_folder_that_cannot_be_written_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "results", Path("/proc/results")):
        with (
            pytest.raises(ValueError, match=f"{place} cannot be written: "),
            lock.hold(place, what="running"),
        ):
            pass


LITTER = """
import gc, threading, time
from harness.schedule.ray import session
refs = []
def litter():
    while refs:
        cycle = [refs.pop()]
        cycle.append(cycle)
        del cycle
        [[] for _ in range(30)]  # collects the garbage before
        time.sleep(0.0002)
with session.connect(None):
    import ray
    refs += [ray.put(number) for number in range(20_000)]
    gc.set_threshold(5, 1, 1)
    threading.Thread(target=litter, daemon=True).start()
    time.sleep(0.2)
    left = len(refs)
print("alive", len(refs) < left)
"""


@pytest.mark.slow
def test_what_another_thread_forgets_while_ray_ends_does_not_end_the_run():
    program = [sys.executable, "-c", LITTER]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("alive True\n", 0), done.stderr


@pytest.mark.parametrize("name", ["reliability", "security"])
def test_every_test_that_the_page_names_exists(name):
    page = (ROOT / "docs" / f"{name}.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    sources = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 40
    assert {name for name in named if f"\ndef {name}(" not in sources} == set()
