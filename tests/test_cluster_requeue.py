"""The SLURM scripts at their time limit: the signal, the end of the run, and the requeue.

SLURM is replaced by programs of its names; `harness run` by a program that takes requests to stop
and signals by the same code, and trains nothing; `harness stop` is the real one.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.schedule import shards, status

ROOT = Path(__file__).parents[1]
SCRIPTS = ("slurm.sh", "slurm-array.sh")
HARNESS = """#!{python}
import json, os, sys, time
from pathlib import Path
words = sys.argv[1:]
if words[0] == "stop":
    os.execv(sys.executable, [sys.executable, "-P", "-m", "harness", *words])
sys.path.insert(0, "{root}")
from harness.schedule import shards, status
from harness.schedule.stop import Interrupted, handle_signals
given = lambda name: words[words.index(name) + 1]
results = Path(given("--results"))
driver = shards.Driver(results, shards.parse(given("--shard")) if "--shard" in words else None)
epoch_s, trials = float(os.environ["EPOCH_S"]), int(os.environ["TRIALS"])
(results / "words.json").write_text(json.dumps(words))

def say(phase):
    status.write(driver.folder, status.Status(run=holder.run, sequence=1, phase=phase))

if trials == 0:
    sys.exit(1)
with driver.hold(what="running") as holder, handle_signals(driver.folder, holder.run) as stop:
    say("running")
    try:
        with stop.watchdog(on_request=lambda: say("stopping")), stop.graceful():
            (results / "ready").touch()
            done = 0
            while done < trials and not stop.is_requested:
                time.sleep(epoch_s)
                done += 1
    except Interrupted as error:
        say("interrupted")
        sys.exit(error.code)
    say("ended" if done == trials else "interrupted")
    sys.exit(0 if done == trials else stop.code)
"""
SRUN = """#!/bin/bash
while [[ $1 != -- ]]; do shift; done; shift; exec "$@"
"""
SCONTROL = """#!/bin/bash
echo "$@" >> "{calls}"
"""


@pytest.fixture
def job(tmp_path):
    """Return a function that starts a job and waits until its run is at work."""
    calls, started = tmp_path / "calls.txt", []
    programs = {
        "harness": HARNESS.format(python=sys.executable, root=ROOT),
        "srun": SRUN,
        "scontrol": SCONTROL.format(calls=calls),
    }
    for name, text in programs.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    results = tmp_path / "results"
    results.mkdir(mode=0o700)

    def start(script, *, trials=3, epoch_s=0.5, grace_s=1500):
        environment = {
            "PATH": f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path),
            "VENV": str(tmp_path),
            "REPO": str(tmp_path),
            "RESULTS": str(results),
            "HEAD": "10.0.0.1",
            "GRACE_S": str(grace_s),
            "EPOCH_S": str(epoch_s),
            "TRIALS": str(trials),
            "SLURM_JOB_ID": "77",
            "SLURM_JOB_NUM_NODES": "1",
            "SLURM_CPUS_PER_TASK": "8",
            "SLURM_ARRAY_JOB_ID": "70",
            "SLURM_ARRAY_TASK_ID": "2",
            "SLURM_ARRAY_TASK_MAX": "4",
        }
        words = ["bash", str(ROOT / "cluster" / script)]
        process = subprocess.Popen(words, env=environment, cwd=tmp_path)
        started.append(process)
        while trials and not (results / "ready").exists():
            assert process.poll() is None
            time.sleep(0.05)
        return process

    start.results = results
    start.requeued = lambda: calls.read_text().splitlines() if calls.exists() else []
    yield start
    for process in started:
        process.kill()
        process.wait()


def phase(results):
    (folder,) = shards.driver_folders(results).values()
    return status.inspect_run(folder).phase


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_signal_before_the_time_limit_ends_the_run_after_its_epoch_and_requeues_it(script, job):
    process = job(script, trials=1_000)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(120) == 128 + signal.SIGTERM
    assert phase(job.results) == "interrupted"
    assert job.requeued() == ["requeue 77"]
    assert not list(job.results.glob(".code-*"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_an_epoch_that_takes_too_long_is_given_up_and_the_job_is_requeued(script, job):
    process = job(script, epoch_s=600, grace_s=1)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(120) == 128 + signal.SIGTERM
    assert job.requeued() == ["requeue 77"]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_run_that_completes_after_the_signal_is_not_requeued(script, job):
    process = job(script, trials=1, epoch_s=4)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(120) == 0
    assert phase(job.results) == "ended"
    assert job.requeued() == []


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("trials", [0, 1], ids=["failed", "done"])
def test_a_run_that_ends_by_itself_is_not_requeued(script, trials, job):
    assert job(script, trials=trials).wait(120) == (0 if trials else 1)
    assert job.requeued() == []


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_run_that_its_user_stops_is_not_requeued(script, job):
    process = job(script, trials=1_000)
    words = [sys.executable, "-m", "harness", "stop", "--results", str(job.results)]
    subprocess.run(words, check=True, capture_output=True)
    assert process.wait(120) == 128 + signal.SIGTERM
    assert job.requeued() == []
