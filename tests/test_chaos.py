"""Long fault injection, by `nox -s chaos`: drivers, workers and nodes that die at random.

The seed is printed; `HARNESS_TEST_SEED` replays it. A test in which nothing died fails.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from experiments.table_b import EXPERIMENT
from harness import data, record, trial
from harness.plan import grid
from harness.provenance import code
from harness.schedule import local_ranks
from harness.schedule.ray import tune
from harness.schedule.ray.tune import Resources
from tests.helpers import kill_points, ray_clusters
from tests.helpers.kill_points import RESUMED, of_epochs
from tests.helpers.sockets import process_tree
from tests.helpers.tracking_stores import closed_port, wait_until
from tests.test_faults import numbers
from tests.test_launch import state, wait_for
from tests.test_security import command

pytestmark = [pytest.mark.chaos, pytest.mark.slow]
PATIENCE_S = 600
ROWS = {"DSA at I": 2, "DSA at II": 3, "DSA at III": 4, "DSA at IV": 5}


@pytest.fixture
def chance():
    """Return a random generator whose seed is printed."""
    seed = int(os.environ.get("HARNESS_TEST_SEED") or random.SystemRandom().randrange(10_000))
    print(f"HARNESS_TEST_SEED={seed}")
    return random.Random(seed)


def planned(runtime, *, epochs, seeds=1, rows=tuple(ROWS)):
    chosen = tuple(EXPERIMENT.rows[ROWS[row]] for row in rows)
    return grid.trials(
        replace(EXPERIMENT, rows=chosen, claims=()),
        rescale=of_epochs(epochs),
        seeds=seeds,
        passport=lambda each: data.load_passport(each.data, runtime.data).digest,
        code=code.hashes,
        results=runtime.results,
    )


def assert_undisturbed(listed, runtime, elsewhere):
    """Run the trials again undisturbed, and compare everything that a fault must not change."""
    for each in listed:
        alone = trial.run(each.trial, replace(runtime, results=elsewhere), lambda _: None)
        found = record.read(runtime.results, each.key)
        assert [epoch["epoch"] for epoch in found.history] == list(range(1, len(alone.history) + 1))
        assert numbers(found) == numbers(alone)


def command_line(pid):
    """Return the command of a process; empty if there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def table(folder, data_root, *more, epochs=20):
    rows = ",".join(ROWS)
    where = ("--results", folder / "results", "--data", data_root)
    words = ("run", "table_b", "--rows", rows, "--seeds", "1", *where, *more)
    return command(folder, *words, epochs=epochs)


def ended(process):
    """Wait for a process and return its output."""
    said, _ = process.communicate(timeout=PATIENCE_S)
    return said


def test_workers_killed_at_every_point_on_ray_end_with_the_same_numbers(
    runtime, tmp_path, monkeypatch
):
    listed = planned(runtime, epochs=3, seeds=2)
    points = dict(zip((each.key for each in listed), RESUMED, strict=True))
    monkeypatch.setenv(kill_points.KILL, json.dumps(points))
    monkeypatch.setattr(tune, "run_attempt", kill_points.disturbed)
    events = []
    tune.run_on_ray(listed, runtime, events.append, Resources(cpus=1))
    assert not [event.failure for event in events if event.failure]
    assert {path.name for path in (runtime.results / "killed").iterdir()} == set(points)
    for key, point in points.items():
        found = record.read(runtime.results, key).resumed_epochs
        assert found == (RESUMED[point] or [3]), point
    assert_undisturbed(listed, runtime, tmp_path / "alone")


@pytest.mark.parametrize("how", ["--no-ray", "--cpus-per-trial=1"])
def test_a_driver_killed_again_and_again_finishes_and_nothing_runs_twice(
    runtime, tmp_path, chance, how
):
    results = tmp_path / "results"
    kills, finished, reached, agents = 0, {}, {}, set()
    while len(finished) < len(ROWS) and kills < 12:
        goal = num_epochs(finished, reached) + chance.randint(3, 16)
        process = table(tmp_path, runtime.data, how)
        with contextlib.suppress(AssertionError):  # it may end before
            wait_for(lambda goal=goal: num_epochs(*state(results)) >= goal, process)
        time.sleep(chance.uniform(0, 0.3))
        below = {pid for pid in process_tree(process.pid) if pid != process.pid}
        agents |= {pid for pid in below if re.match(rb"ray::\w*Agent", command_line(pid))}
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        wait_until_gone(below - agents)
        now, epochs = state(results)
        assert {key: now[key] for key in finished} == finished
        assert all(key in now or epochs[key] >= epoch for key, epoch in reached.items())
        finished, reached = now, epochs
    said = ended(table(tmp_path, runtime.data, how))
    after, left = state(results)
    assert kills >= 3, said
    assert {key: after[key] for key in finished} == finished
    assert (len(after), left) == (len(ROWS), {})
    here = replace(runtime, results=results)
    listed = planned(here, epochs=20)
    assert {each.state for each in listed} == {"fresh"}
    for each in listed:
        resumed = each.record.resumed_epochs
        assert resumed == sorted(resumed)
    assert_undisturbed(listed, here, tmp_path / "alone")
    wait_until_gone(agents)  # of Ray, a minute after their driver


def num_epochs(finished, reached):
    """Return how many epochs of 20 all trials have behind them."""
    return 20 * len(finished) + sum(reached.values())


def wait_until_gone(pids, *, within_s=PATIENCE_S):
    """Wait for the end of processes that outlive a killed Ray driver by some seconds."""
    deadline = time.monotonic() + within_s
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process outlived its driver"
        time.sleep(0.2)


def is_running(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_signals_at_random_leave_a_folder_that_goes_on(runtime, tmp_path, chance):
    results = tmp_path / "results"
    for signals in (["SIGINT"], ["SIGTERM"], ["SIGINT"] * 2, ["SIGTERM"] * 2):
        process = table(tmp_path, runtime.data, epochs=250)
        wait_for(lambda: "running" in holder(results), process)
        time.sleep(chance.uniform(0, 12))
        for name in signals:
            process.send_signal(signal.Signals[name])
            time.sleep(chance.uniform(0, 1))
        said = ended(process)
        assert process.returncode in (130, 143) or process.returncode < 0 or len(signals) > 1, said
        assert process.returncode != 0
        if len(signals) == 1 and process.returncode in (130, 143):
            assert said.endswith("harness: interrupted; the same command resumes the run\n")
            assert "Traceback" not in said
        assert len(record.read_all(results)) == len(state(results)[0]) < len(ROWS)
    _, reached = state(results)
    process = table(tmp_path, runtime.data, epochs=250)
    said = ended(process)
    assert process.returncode == 0, said
    listed = planned(replace(runtime, results=results), epochs=250)
    for each in listed:
        if each.key in reached:
            assert each.record.resumed_epochs[-1] >= reached[each.key]
    assert {each.state for each in listed} == {"fresh"}


def holder(results):
    with contextlib.suppress(OSError):
        return (results / "lock.json").read_text()
    return ""


def test_of_two_drivers_one_works_and_the_other_is_told(runtime, tmp_path):
    both = [table(tmp_path, runtime.data, "--no-ray", epochs=3) for _ in range(2)]
    said = [ended(process) for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], said
    (refused,) = [text for text in said if len(text.splitlines()) == 1]
    assert re.search(r"is in use: running table_b since .* UTC by process \d+ on ", refused)
    assert len(state(tmp_path / "results")[0]) == len(ROWS)


@pytest.fixture
def cluster():
    """Start three nodes, of which the head runs no trial."""
    with ray_clusters.of_nodes(0, 2, 2) as made:
        yield made


def test_a_table_on_three_nodes_survives_the_loss_of_one_and_of_workers(
    runtime, tmp_path, chance, cluster
):
    process, address = cluster
    listed = planned(runtime, epochs=30, seeds=2)
    notes, go_on = tmp_path / "attempts", tmp_path / "go on"
    killed, removed = [], []

    def kill():
        """Kill two workers and a node in the middle of trials, which wait for that."""
        try:
            for _ in range(2):
                pid = chance.choice(wait_for_attempts(notes, 2))
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                time.sleep(chance.uniform(1, 5))
            busy = wait_for_attempts(notes, 3)
            ray_clusters.lose_a_node(process)
            wait_until(lambda: not all(map(is_running, busy)))
            removed.extend(pid for pid in busy if not is_running(pid))
        finally:
            go_on.touch()

    killer = threading.Thread(target=kill)
    events = []

    def watch(event):
        events.append(event)
        if len(event.history) == 2 and killer.ident is None:
            killer.start()

    run_trial = partial(noted_run, notes, go_on, chance.randint(3, 25))
    resources = Resources(address=address, retries=5)
    tune.run_on_ray(listed, runtime, watch, resources, run_trial=run_trial)
    killer.join(PATIENCE_S)
    assert len(killed) == 2
    assert removed
    assert not [event.failure for event in events if event.failure]
    begun, cut_short, under_way = attempts(notes)
    assert (begun - len(cut_short), under_way) == (len(listed), [])
    assert len(cut_short) >= 3
    assert any(record.read(runtime.results, each.key).resumed_epochs for each in listed)
    assert_undisturbed(listed, runtime, tmp_path / "alone")


def noted_run(notes, go_on, epoch, spec, runtime, report):
    """Run a trial, which waits at an epoch for the end of all kills; note its begin and end."""

    def report_and_wait(history):
        report(history)
        wait_until(lambda: len(history) < epoch or go_on.exists())

    note(notes, "begun")
    done = local_ranks.run(spec, runtime, report_and_wait)
    note(notes, "ended")
    return done


def note(notes, what):
    with notes.open("a") as file:
        file.write(f"{what} {os.getpid()}\n")


class Attempts(NamedTuple):
    """The number of attempts that have begun; the processes of those cut short, and under way."""

    begun: int
    cut_short: list[int]
    under_way: list[int]


def attempts(notes):
    unfinished, begun = [], 0
    for line in notes.read_text().splitlines():
        what, pid = line.split()
        if what == "begun":
            unfinished.append(int(pid))
            begun += 1
        else:
            unfinished.remove(int(pid))
    cut_short = [pid for pid in unfinished if not is_running(pid)]
    return Attempts(begun, cut_short, [pid for pid in unfinished if pid not in cut_short])


def wait_for_attempts(notes, count):
    """Wait until as many attempts are under way, and return their processes."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found := attempts(notes).under_way) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


FULL = """
mount -t tmpfs -o size=8m,mode=700 tmpfs {results} || exit 77
{command}; echo "first ended with $?"
find {results} -name "*epoch-*" | wc -l; ls {results}/records {results}/tables 2>&1 | head -3
mount -o remount,size=64m {results}
{command}; echo "second ended with $?"
cp -r {results}/records {kept}
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no private file systems here")
@pytest.mark.parametrize("how", ["--no-ray", "--cpus-per-trial=1"])
def test_a_full_disk_is_a_sentence_and_the_same_command_goes_on_once_there_is_room(
    runtime, tmp_path, how
):
    results, kept = tmp_path / "results", tmp_path / "kept"
    results.mkdir()
    words = (
        f"{sys.executable} -m tests.helpers.kill_points command 5"
        " run table_b --rows 'DSA at II' --seeds 1"
    )
    program = f"{words} {how} --results {results} --data {runtime.data} 2>&1"
    script = FULL.format(results=results, kept=kept, command=program)
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{closed_port()}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no private file systems here")
    first, second = done.stdout.split("first ended with ")
    assert "No space left on device" in first
    assert "Traceback" not in first
    assert second[0] in "12"
    assert "second ended with 0" in second, done.stdout
    (path,) = kept.glob("*.json")
    found = json.loads(path.read_text())
    assert found["resumed_epochs"] == [2]
