"""The measurements of scheduling and logging, at sizes that take no time."""

import json
from dataclasses import replace

import pytest
from filelock import FileLock

from benchmarks.scheduling import idle_trial, tracking
from benchmarks.scheduling import run as scheduling_run
from benchmarks.scheduling.log_writers import Clock, Logged, Setting
from harness import record
from harness.plan.grid import PlannedTrial
from harness.tracking import store_uri
from harness.tracking.experiments import finished_runs
from harness.tracking.mirror import Mirror
from harness.tracking.store import Store
from tests.helpers.tracking_stores import PATIENCE_S, client, curve, open_mirror, runs
from tests.test_command import harness


@pytest.fixture
def planned(runtime):
    trial = next(idle_trial.trials(1))
    return PlannedTrial(
        table="table_b",
        rows=("DSA at I",),
        trial=trial,
        key=record.trial_key(trial, idle_trial.videos(runtime.data).digest),
        state="missing",
        record=None,
    )


def test_a_ratio_is_ours_over_bare_and_a_missed_aim_is_said():
    def runs(*seconds):
        return [scheduling_run.Run(seconds=s, driver_s=1.0, report_ms=2.0) for s in seconds]

    setting = scheduling_run.Setting(seeds=1, pairs=3)
    found = scheduling_run.summary(setting, {"ours": runs(8, 12, 20), "bare": runs(4, 4, 4)})
    assert (found["ratio"], found["quartiles"]) == (3, (2.5, 4))
    assert found["sides"]["ours"]["seconds"] == 3
    assert "3.00  2.50–4.00  aim: ≤ 1.3  MISSED" in scheduling_run.text(found)


def test_an_idle_trial_reports_once_and_leaves_a_whole_record(runtime):
    told, trial = [], next(idle_trial.trials(1))
    done = idle_trial.run(trial, runtime, told.append)
    assert [len(history) for history in told] == [1]
    assert record.read(runtime.results, done.key) == done


@pytest.mark.slow
def test_a_point_that_is_missing_or_another_one_is_counted(results, planned, runtime):
    uri, history = store_uri(results), idle_trial.epochs(4)
    with open_mirror(results) as opened:
        opened.log_epochs(planned, history[:3])
        done = idle_trial.leave(planned.trial, runtime, history[:3])
        opened.finish_trial(planned, done)
    losses = {each.epoch: each.loss for each in history}
    clock = Clock(1.0, 1.0)
    logged = Logged(
        key=planned.key,
        losses=losses,
        warnings=[],
        calls=clock,
        longest_s=0.0,
        logging=clock,
        silent=clock,
    )
    assert tracking.missing(uri, results, [logged]) == 1
    other = replace(logged, losses=losses | {1: 0.5})
    assert tracking.missing(uri, results, [other]) == 2
    assert tracking.missing(uri, results, [replace(logged, key="none")]) == 4


@pytest.mark.slow
def test_of_the_curves_that_wait_only_the_newest_is_sent(results, planned):
    uri = store_uri(results)
    old, new = idle_trial.epochs(2), [replace(e, finished_ms=1_000) for e in idle_trial.epochs(2)]
    with FileLock(results / "mlflow" / "mlflow.db.lock"):  # whoever opens the store waits for it
        opened = Mirror(uri, results=results, warn=pytest.fail)
        opened.fail_trial(replace(planned, key="another"), "it holds up the curves")
        opened.log_epochs(planned, old)
        opened.log_epochs(planned, new)
    opened.close(timeout_s=PATIENCE_S)
    run = next(each for each in runs(results) if each.data.tags["key"] == planned.key)
    assert [time for _, _, time in curve(results, run, "train/loss")] == [1_000] * 2
    # Had the old curve been sent, the new one would contradict it, and its run would be deleted.
    store = client(uri)
    table = store.get_experiment_by_name("table_b").experiment_id
    assert len(store.search_runs([table], run_view_type=3)) == 2, "3 is all, also what is deleted"


@pytest.mark.chaos
@pytest.mark.slow
def test_the_whole_path_of_idle_trials_ends_with_records_runs_and_a_table(runtime):
    scheduling_run.ours(runtime, 1)
    assert len(record.read_all(runtime.results)) == 4
    store = Store(store_uri(runtime.results), runtime.results)
    assert len(finished_runs(store.client, store.experiment("table_b"))) == 4
    assert (runtime.results / "tables" / "table_b.md").is_file()


@pytest.mark.chaos
def test_the_command_measures_both_sides_of_scheduling():
    words = ["scheduling", "--only", "scheduling", "--seeds", 1, "--pairs", 1, "--json"]
    found = json.loads(harness(*words, package="benchmarks").stdout)["scheduling"]
    assert found["setting"]["trials"] == 4
    assert all(found["sides"][side]["seconds"] > 0 for side in ("ours", "bare"))


@pytest.mark.chaos
@pytest.mark.parametrize("where", tracking.PLACES)
def test_two_processes_that_log_at_once_lose_nothing(where):
    found = tracking.crowd(where, Setting(processes=2, epochs=4, steps=1))
    assert (found["points"], found["lost"]) == (8, 0)
    assert found["processor"]["ratio"] > 0
