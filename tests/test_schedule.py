"""Real Ray on this machine; every trial is tiny."""

from dataclasses import replace

import pytest

from experiments.table_b import EXPERIMENT
from harness import data, plan, schedule, trial
from harness.data.passport import digest
from harness.schedule import Resources
from tests.conftest import shrunk

pytestmark = pytest.mark.slow


def planned(runtime, rows=(1, 3)):
    experiment = replace(EXPERIMENT, rows=tuple(EXPERIMENT.rows[i] for i in rows))
    return plan.trials(
        experiment,
        scale=shrunk,
        seeds=1,
        passport=lambda each: digest(data.videos(each.data, runtime)),
        code=trial.code,
        results=runtime.results,
    )


class Events(list):
    """The events of a run, and its ends by row."""

    def ends(self):
        return {e.planned.rows[0]: e for e in self if e.record or e.failure}


def test_in_process_runs_every_trial_and_reports_every_epoch(runtime):
    events = Events()
    schedule.in_process(planned(runtime), runtime, events.append)
    assert [len(e.history) for e in events] == [0, 1, 2, 0, 0, 1, 2, 0]
    assert all(event.record for event in events.ends().values())


def test_a_failed_trial_does_not_stop_the_others(runtime):
    events, listed = Events(), planned(runtime)
    greedy = replace(listed[0].trial, train=replace(listed[0].trial.train, batch_videos=99))
    schedule.in_process([replace(listed[0], trial=greedy), listed[1]], runtime, events.append)
    ends = events.ends()
    assert "do not fill one batch of 99" in ends["TSN+I3D R50"].failure
    assert ends["DSA at II"].record


def test_ray_and_this_process_end_with_the_same_numbers(runtime, tmp_path):
    """Also: a failing trial is alone, a dead process is started again, no file of Ray is left."""
    events, listed = Events(), planned(runtime, rows=(1, 3, 4))
    greedy = replace(listed[2].trial, train=replace(listed[2].trial.train, batch_videos=99))
    schedule.on_ray(
        [*listed[:2], replace(listed[2], trial=greedy)], runtime, events.append, Resources()
    )
    ends = events.ends()
    assert "do not fill one batch of 99" in ends["DSA at III"].failure
    here = replace(runtime, results=tmp_path / "here")
    for each in listed[:2]:
        alone = trial.run(each.trial, here, lambda _: None)
        assert ends[each.rows[0]].record.scores_sha256 == alone.scores_sha256
    assert not (runtime.results / "work" / "tune").exists()
    assert "usage statistics" not in (runtime.results / "logs" / "ray.log").read_text()


def test_a_request_that_no_node_can_meet_is_refused(runtime):
    with pytest.raises(ValueError, match="asks for 1 CPUs and 64 GPUs on one node; the largest"):
        schedule.on_ray(planned(runtime), runtime, lambda _: None, Resources(gpus=64))
