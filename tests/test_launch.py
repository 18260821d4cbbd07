"""A tiny table end to end: on Ray, killed, resumed, mirrored, reported."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.table_b import EXPERIMENT
from harness import record, tracking
from harness.report.collect import collect
from harness.report.output import TableOutput
from harness.tracking.sync import sync
from tests.helpers.collected_tables import request
from tests.helpers.tiny_trials import shrunk

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
PATIENCE_S = 240  # for what must come, on a busy machine
PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
from rich.console import Console
from experiments.table_b import EXPERIMENT
from harness import launch
from harness.plan.request import Request
from harness.runtime import Runtime
from harness.schedule.ray.tune import Resources
from harness.tracking import store_uri
from tests.test_launch import longer
if __name__ == "__main__":
    results, data, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    outcome = launch.run(
        [Request(
            experiment=EXPERIMENT,
            scale="desk",
            rescale=longer,
            seeds=1,
            runtime=Runtime(results=results, data=data, campaign=sys.argv[4]),
        )],
        resources=Resources() if how == "ray" else None,
        tracking=store_uri(results),
        console=Console(file=sys.stdout),
    )
    print(len(outcome.failed), "failed")
    sys.exit(outcome.code)
"""


def longer(trial):
    """Return a tiny trial of some epochs, long enough to be killed in the middle."""
    from dataclasses import replace

    small = shrunk(trial)
    return replace(
        small,
        train=replace(small.train, epochs=8),
        evaluation=replace(small.evaluation, every_epochs=0),
    )


def start(results, data_root, how, campaign="first"):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(results), str(data_root), how, campaign],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text
    return text


def wait_for(condition, process):
    """Wait until something is so while a run works; a run that never gets there is killed."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.stdout.read()
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError(process.communicate()[0])
        time.sleep(0.02)


def state(results):
    """Return the finished keys, and the epoch that each unfinished trial has reached."""
    finished = {path.stem: path.stat().st_mtime_ns for path in results.glob("records/*.json")}
    newest = {path.parent.name: path.name for path in sorted(results.glob("work/*/epoch-*.pt"))}
    epochs = {key: int(name.split("-")[1]) for key, name in newest.items() if key not in finished}
    return finished, epochs


def runs(results):
    from mlflow import MlflowClient

    client = MlflowClient(tracking.store_uri(results))
    experiment = client.get_experiment_by_name("table_b")
    return client, client.search_runs([experiment.experiment_id], "tags.kind = 'trial'")


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("how", "signum"),
    [("ray", signal.SIGKILL), ("ray", signal.SIGINT), ("here", signal.SIGINT)],
)
def test_a_killed_run_goes_on_where_it_was(tmp_path, data_root, how, signum):
    results = tmp_path / "results"
    first = start(results, data_root, how)
    wait_for(lambda: state(results)[0] and max(state(results)[1].values(), default=0) > 2, first)
    first.send_signal(signum)
    first.communicate(timeout=200)
    finished, reached = state(results)
    assert first.returncode != 0
    assert 0 < len(finished) < 6
    text = finish(start(results, data_root, how, campaign="second"))
    # Workers of a killed driver live for seconds, and may finish a trial.
    recorded = int(re.search(r"6 trials, (\d) recorded", text)[1])
    assert len(finished) <= recorded < 6
    assert "0 failed" in text
    after, unfinished = state(results)
    assert {key: after[key] for key in finished} == finished
    assert unfinished == {}
    for key, epoch in reached.items():
        done = record.read(results, key)
        if done.provenance["campaign"] == "second":
            assert done.resumed_epochs[-1] >= epoch > 0
    _, found = runs(results)
    assert len(found) == 6
    assert {run.info.status for run in found} == {"FINISHED"}


@pytest.fixture(scope="module")
def table(tmp_path_factory, data_root):
    """A finished table, its results folder and the printed output."""
    results = tmp_path_factory.mktemp("table") / "results"
    return results, finish(start(results, data_root, "here"))


def test_a_table_and_a_figure_come_out(table):
    results, text = table
    names = {path.name for path in drawn(results)}
    kinds = (".md", ".csv", ".claims.csv", ".tex", ".png", ".svg", "-aspects.png", "-aspects.svg")
    assert names == {f"table_b{kind}" for kind in kinds}
    assert text.count("top-1") >= 6
    assert not list(results.glob("work/*/*.pt"))


def test_a_second_run_trains_nothing(table, data_root):
    results, _ = table
    before = state(results)
    text = finish(start(results, data_root, "here"))
    assert "6 trials, 6 recorded, 0 to run" in text
    assert state(results) == before


def test_a_lost_store_comes_back_from_the_records(table, tmp_path):
    results, _ = table
    moved = tmp_path / "results"
    shutil.copytree(results, moved, ignore=shutil.ignore_patterns("mlflow"))
    output = TableOutput(files=tuple(drawn(moved)), markdown="table")
    written = sync(
        tracking.store_uri(moved),
        [(collect(request(EXPERIMENT, moved, rescale=longer)), output)],
        results=moved,
    )
    assert written == 7
    assert described(moved) == described(results)
    trials, _ = described(moved)
    assert all("test/right_shapes" in metrics for _, _, _, metrics, *_ in trials.values())


def drawn(results):
    return sorted(path for path in results.glob("*/table_b*") if path.parent.name != "declared")


def described(results):
    """Return the curves, metrics and tags of every run, and the artifacts of the table."""
    client, found = runs(results)
    experiment = found[0].info.experiment_id
    described = {}
    for run in found:
        points = client.get_metric_history(run.info.run_id, "train/loss")
        described[run.data.tags["key"]] = (
            run.info.run_name,
            run.info.status,
            run.data.params,
            run.data.metrics,
            [(point.step, point.value, point.timestamp) for point in points],
            {k: v for k, v in run.data.tags.items() if k in ("row", "seed", "commit", "campaign")},
        )
    whole = client.search_runs([experiment], "tags.kind = 'table'")[0].info.run_id
    folders = [item.path for item in client.list_artifacts(whole)]
    files = [item.path for folder in folders for item in client.list_artifacts(whole, folder)]
    return described, sorted(files)
