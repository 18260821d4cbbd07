"""Drivers that share a results folder, each with a shard of the trials."""

import errno
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from experiments.table_b import EXPERIMENT
from harness import data, launch, record
from harness.cli import cluster
from harness.cli.main import app
from harness.exchange import prune
from harness.plan.request import Request, planned_trials
from harness.runtime import Runtime
from harness.schedule import local_ranks, shards, status, stop
from harness.schedule.ray.tune import Resources
from harness.schedule.shards import Shard
from harness.utils import process
from tests.helpers.results_folders import add_record
from tests.helpers.tiny_trials import shrunk
from tests.helpers.tracking_stores import wait_until

ROOT = Path(__file__).parents[2]


class Folder:
    """A results folder, the trials that ran in it, and the tables that were written."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.ran = []
        self.written = []
        self.said = ""
        self.request = Request(
            experiment=EXPERIMENT, scale="desk", rescale=shrunk, seeds=1, runtime=runtime
        )

    def run(self, shard=None, *, during=lambda key: None, **changes):
        """Run a shard whose trials take no time, and return its outcome."""
        console = Console(file=io.StringIO(), width=10_000)

        def run_trial(trial, runtime, report):
            passport = data.load_passport(trial.data, runtime.data).digest
            self.ran.append(record.trial_key(trial, passport))
            report([])
            during(self.ran[-1])
            return add_record(runtime.results, trial, seed=trial.seed, passport=passport)

        outcome = launch.run(
            [replace(self.request, **changes)],
            resources=None,
            tracking="",
            console=console,
            run_trial=run_trial,
            shard=shards.parse(shard) if shard else None,
        )
        self.said = console.file.getvalue()
        return outcome

    @property
    def keys(self):
        return [planned.key for planned in planned_trials(self.request)]


class Store:
    """A store of runs that keeps nothing."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __getattr__(self, name):
        return lambda *_, **__: None


@pytest.fixture
def folder(runtime, monkeypatch):
    made = Folder(runtime)
    monkeypatch.setattr(launch, "Mirrors", Store)
    monkeypatch.setattr(
        launch, "_write_and_mirror", lambda request, _: made.written.append(request.scale)
    )
    return made


def refuse_locks(folder, monkeypatch):
    """Have a results folder on a file system without locks."""
    flock = fcntl.flock

    def refuse(file, how):
        if Path(f"/proc/self/fd/{file}").readlink().is_relative_to(folder.runtime.results):
            raise OSError(errno.ENOSYS, "flock is refused")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.fixture(params=["flock", "no flock"])
def locks(request, folder, monkeypatch):
    """Have a file system with locks, and one without."""
    if request.param == "no flock":
        refuse_locks(folder, monkeypatch)


@pytest.mark.parametrize("count", range(1, 9))
def test_the_shards_of_a_plan_hold_each_trial_once(count):
    parts = [Shard(number=k, count=count).part_of(range(7)) for k in range(1, count + 1)]
    assert sorted(trial for part in parts for trial in part) == list(range(7))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


WRONG = ["0/4", "5/4", "4", "a/b", "1/0", "0/0", "-1/4", "1/-4", "1/4/2", "1.0/4", "/4", "1/", ""]


@pytest.mark.parametrize("text", [*WRONG, " 1/4", "1 / 4", "¹/4", "1/4\n", "1" * 5_000 + "/4"])
def test_a_shard_that_does_not_exist_is_one_sentence(text, tmp_path):
    done = CliRunner().invoke(app, ["run", "table_b", "--results", str(tmp_path), "--shard", text])
    assert done.exit_code == 2
    (line,) = [line for line in done.output.splitlines() if line.startswith("Error")]
    assert "K/N is one of 1/N to N/N, such as 2/4" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--address", "auto"], ["--max-concurrent", "2"]])
def test_a_shard_beside_an_option_of_ray_is_refused(words, tmp_path):
    words = ["run", "table_b", "--results", str(tmp_path), "--shard", "1/2", *words]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert f"--shard runs its trials without Ray: leave out {words[-2]}" in done.output


@pytest.mark.slow
def test_a_shard_runs_without_ray(monkeypatch, tmp_path):
    launched = {}

    def run(_, **how):
        launched.update(how)
        raise ValueError("enough")

    monkeypatch.setattr(launch, "run", run)
    words = ["run", "table_b", "--results", str(tmp_path), "--device", "cpu", "--shard"]
    CliRunner().invoke(app, [*words, "2/4"])
    assert (launched["shard"], launched["resources"]) == (Shard(number=2, count=4), None)
    CliRunner().invoke(app, words[:-1])
    assert launched["shard"] is None
    assert isinstance(launched["resources"], Resources)


@pytest.mark.slow
def test_shards_one_after_the_other_run_every_trial_once(folder, locks):
    for shard in ("1/3", "2/3", "3/3"):
        folder.run(shard)
        assert folder.ran == [key for k in range(int(shard[0])) for key in folder.keys[k::3]]
    assert len(folder.written) == 3
    assert "6 trials, 2 in shard 3/3, 0 recorded, 2 to run" in folder.said
    folder.run("1/1")
    assert sorted(folder.ran) == sorted(folder.keys)


@pytest.mark.slow
def test_of_shards_at_the_same_time_the_last_one_writes_the_tables(folder, locks):
    inner = []

    def during(key):
        if not inner:
            inner.append(folder.run("2/2"))
            assert folder.written == []
            assert "other shards are still at work" in folder.said

    outcome = folder.run("1/2", during=during)
    assert Counter(folder.ran) == Counter(folder.keys)
    assert (inner[0].outputs, len(outcome.outputs), len(folder.written)) == ([], 1, 1)


@pytest.mark.slow
def test_a_trial_that_another_driver_has_is_passed_over_and_its_record_is_believed(folder, locks):
    inner = []

    def during(key):
        if not inner:
            inner.append(folder.run("1/2"))
            (line,) = [text for text in folder.said.splitlines() if "passed over" in text]
            assert "another driver has it, running table_b, shard 1/1 since" in line
            states = {part.key: part for part in status.read(one_of_two(folder)).parts}
            assert (states[key].state, states[key].why[:19]) == ("waiting", "another driver has ")

    outcome = folder.run("1/1", during=during)
    assert Counter(folder.ran) == Counter(folder.keys)
    assert [(*each.failed, each.code) for each in (outcome, *inner)] == [(0,), (0,)]
    parts = status.read(folder.runtime.results / "shards" / "1-of-1").parts
    assert {part.state for part in parts} == {"recorded"}


def one_of_two(folder):
    return folder.runtime.results / "shards" / "1-of-2"


@pytest.mark.slow
def test_a_record_that_other_code_made_meanwhile_does_not_count(folder):
    def during(key):
        planned = {each.key: each.trial for each in planned_trials(folder.request)}
        last = folder.keys[-1]
        if key != last:
            add_record(
                folder.runtime.results,
                planned[last],
                passport=data.load_passport(planned[last].data, folder.runtime.data).digest,
                code={"other": "0"},
            )

    folder.run("1/1", during=during)
    assert folder.ran == folder.keys


@pytest.mark.slow
def test_whoever_needs_the_folder_alone_and_a_shard_refuse_each_other(folder, locks, monkeypatch):
    monkeypatch.setattr(shards, "_GLANCE_S", 0.5)
    results = folder.runtime.results
    busy = r"shards/1-of-2 is in use: running table_b, shard 1/2 since .* by process \d+ on "
    refused = []

    def beside_a_shard(key):
        if refused:
            return
        for other in (folder.run, lambda: prune.remove(results, [])):
            with pytest.raises(ValueError, match=busy):
                other()
        with pytest.raises(ValueError, match=busy):
            folder.run("1/2")
        refused.append(key)

    folder.run("1/2", during=beside_a_shard)
    assert refused == folder.keys[:1]

    def beside_a_driver(key):
        if len(refused) > 1:
            return
        with pytest.raises(ValueError, match=r"results is in use: running table_b since "):
            folder.run("2/2")
        assert list(shards.driver_folders(results)) == [""]
        refused.append(key)

    folder.run(during=beside_a_driver)
    assert refused == folder.keys[:2]


@pytest.mark.slow
def test_a_shard_that_starts_beside_others_sweeps_nothing_of_theirs(folder):
    piece = folder.runtime.results / "work" / f".piece.{2**22 + 1}"
    seen = []

    def during(key):
        if not seen:
            piece.parent.mkdir(exist_ok=True)
            piece.touch()
            folder.run("2/2")
            seen.append(piece.exists())

    folder.run("1/2", during=during)
    folder.run("1/2")
    assert (seen, piece.exists()) == ([True], False)


LEFT = """
import os, signal, sys
from pathlib import Path
from harness.schedule.shards import Driver, parse
if sys.argv[2] == "no flock":
    import errno, fcntl
    def refuse(*_):
        raise OSError(errno.ENOSYS, "flock is refused")
    fcntl.flock = refuse
driver = Driver(Path(sys.argv[1]), parse("1/2"))
with driver.hold(what="running table_b"), driver.starting():
    pass
driver = Driver(Path(sys.argv[1]), parse("1/2"))
with driver.hold(what="running table_b"):
    with driver.starting():
        pass
    with driver.hold_trial(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def left_by_a_killed_shard(folder, how, key):
    words = [sys.executable, "-c", LEFT, str(folder.runtime.results), how, key]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("how", ["flock", "no flock"])
def test_what_a_killed_shard_held_is_free_on_the_same_machine(folder, how, monkeypatch):
    if how == "no flock":
        refuse_locks(folder, monkeypatch)
    left_by_a_killed_shard(folder, how, folder.keys[0])
    folder.run("1/2")
    assert folder.ran == folder.keys[::2]
    assert len(folder.written) == 1


@pytest.mark.slow
def test_without_locks_a_trial_of_a_shard_on_another_machine_is_passed_over_with_the_remedy(
    folder, monkeypatch
):
    left_by_a_killed_shard(folder, "no flock", folder.keys[0])
    refuse_locks(folder, monkeypatch)
    monkeypatch.setattr(process, "machine_id", lambda: "another boot")
    monkeypatch.setattr("socket.gethostname", lambda: "node7")
    folder.run("1/3")
    assert folder.ran == folder.keys[3::3]
    mark = folder.runtime.results / "shards" / "trials" / folder.keys[0] / "lock.held"
    assert f"if that process is dead, delete {mark}" in folder.said
    assert folder.written == []


def read_all(results):
    return [status.read(place) for place in shards.driver_folders(results).values()]


@pytest.mark.slow
def test_status_and_stop_cover_all_shards(folder, monkeypatch):
    results = folder.runtime.results
    said, asked = [], []
    # A signal reaches one handler, and here both drivers are in one process.
    monkeypatch.setattr(stop, "request_stop", lambda place, run, now: asked.append(place))
    monkeypatch.setattr(cluster, "_confirm_stop", lambda place, holder: f"{place.name} stops")

    def inside(key):
        if not said:
            words = ["--results", str(results)]
            wait_until(lambda: {each.phase for each in read_all(results)} == {"running"})
            said.append(CliRunner().invoke(app, ["status", *words]).output)
            said.append(CliRunner().invoke(app, ["status", "--json", *words]).output)
            said.append(CliRunner().invoke(app, ["stop", *words]))

    def outside(key):
        if not said:
            folder.run("2/2", during=inside)

    outcome = folder.run("1/2", during=outside)
    shown, body = said[0], json.loads(said[1])
    assert shown.splitlines()[0] == "2 shards: 2 running"
    assert "shard 1/2: running: running table_b, shard 1/2 since" in shown
    assert "shard 2/2: running: running table_b, shard 2/2 since" in shown
    assert body["phase"] == "running"
    assert [each["phase"] for each in body["shards"].values()] == ["running", "running"]
    assert said[2].output.count("requested a stop") == 2
    assert asked == list(shards.driver_folders(results).values())
    assert said[2].output.splitlines()[2:] == ["1-of-2 stops", "2-of-2 stops"]
    assert outcome.code == 0
    ended = CliRunner().invoke(app, ["status", "--results", str(results)]).output
    assert ended.splitlines()[0] == "2 shards: 2 ended"
    done = CliRunner().invoke(app, ["stop", "--results", str(results)])
    assert "no run to stop in" in str(done.exception)
    folder.run()
    assert Counter(folder.ran) == Counter(folder.keys)
    assert "shard" not in CliRunner().invoke(app, ["status", "--results", str(results)]).output


@pytest.mark.slow
def test_a_stop_that_leaves_nothing_to_run_is_no_interruption(folder):
    def during(key):
        if key == folder.keys[-1]:
            os.kill(os.getpid(), signal.SIGTERM)

    outcome = folder.run(during=during)
    assert (outcome.code, folder.ran) == (0, folder.keys)
    assert status.inspect_run(folder.runtime.results).phase == "ended"


@pytest.mark.parametrize("shard", [None, "1/1"])
def test_a_stop_with_trials_left_is_an_interruption(folder, shard):
    def during(key):
        os.kill(os.getpid(), signal.SIGTERM)

    outcome = folder.run(shard, during=during)
    assert (outcome.code, len(folder.ran)) == (128 + signal.SIGTERM, 1)
    (place,) = shards.driver_folders(folder.runtime.results).values()
    assert status.inspect_run(place).phase == "interrupted"


SHARD = """
import sys
from pathlib import Path
from tests.schedule.test_shards import run_for_real
run_for_real(*map(Path, sys.argv[1:3]), sys.argv[3], kill_after=int(sys.argv[4]))
"""


def run_for_real(results, data_root, shard, *, kill_after=0):
    """Train the trials of a shard; note where each starts; kill this process after an epoch."""

    def run_trial(trial, runtime, report):
        def note(history):
            passport = data.load_passport(trial.data, runtime.data).digest
            key = record.trial_key(trial, passport)
            with Path(results, "starts.txt").open("a") as file:
                file.write("".join(f"{key} {len(history)}\n" for _ in range(key not in begun)))
            begun.add(key)
            report(history)
            if kill_after and len(history) == kill_after:
                os.kill(os.getpid(), signal.SIGKILL)

        return local_ranks.run(trial, runtime, note)

    begun = set()
    runtime = Runtime(results=results, data=data_root)
    request = Request(
        experiment=EXPERIMENT,
        scale="desk",
        rescale=shrunk,
        seeds=2,
        rows=("TSN+I3D R50",),
        runtime=runtime,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "Mirrors", Store)
        return launch.run(
            [request],
            resources=None,
            tracking="",
            console=Console(file=io.StringIO()),
            run_trial=run_trial,
            shard=shards.parse(shard),
        )


def losses(records):
    return {key: [epoch["loss"] for epoch in each.history] for key, each in records.items()}


@pytest.mark.slow
def test_a_killed_shard_beside_another_is_resumed_and_no_trial_runs_twice(tmp_path, data_root):
    results = tmp_path / "results"
    words = [sys.executable, "-c", SHARD, str(results), str(data_root)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen([*words, *last], env=environment) for last in (("1/2", "0"), ("2/2", "1"))
    ]
    assert [each.wait(400) for each in both] == [0, -signal.SIGKILL]
    outcome = run_for_real(results, data_root, "2/2")
    assert len(outcome.outputs) == 1
    alone = tmp_path / "alone"
    run_for_real(alone, data_root, "1/1")
    undisturbed = {each.key: each for each in record.read_all(alone)}
    found = {each.key: each for each in record.read_all(results)}
    assert {key: each.scores_sha256 for key, each in found.items()} == {
        key: each.scores_sha256 for key, each in undisturbed.items()
    }
    assert losses(found) == losses(undisturbed)
    starts = Counter((results / "starts.txt").read_text().splitlines())
    resumed = [key for key, each in found.items() if each.resumed_epochs]
    assert [found[key].resumed_epochs for key in resumed] == [[1]]
    assert starts == Counter([f"{key} 0" for key in found] + [f"{key} 1" for key in resumed])
