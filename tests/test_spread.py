"""Trials whose ranks span nodes: two Ray nodes of one processor each, on this machine."""

from dataclasses import replace

import pytest

from experiments.table_b import EXPERIMENT
from harness import data, elastic, plan, schedule, trial
from harness.runtime import Runtime
from harness.schedule import Resources
from tests import clusters
from tests.conftest import shrunk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address():
    with clusters.of_nodes(2) as (_, found):
        yield found


def planned(runtime):
    return plan.trials(
        replace(EXPERIMENT, rows=(EXPERIMENT.rows[3],), claims=()),
        scale=shrunk,
        seeds=1,
        passport=lambda each: data.known(each.data, runtime.data).digest,
        code=trial.code,
        results=runtime.results,
    )


def test_a_trial_across_two_nodes_is_the_one_in_two_ranks_on_one(address, runtime, tmp_path):
    listed, events, said = planned(runtime), [], []
    two = replace(runtime, ranks=2)
    takes = Resources(address=address, cpus=2)
    schedule.on_ray(listed, two, events.append, takes, say=said.append)
    assert said == ["each trial spans nodes: no node holds its 2 ranks; room for 1 at once"]
    assert [event.failure for event in events] == [None] * len(events)
    done = events[-1].record
    assert done.key == listed[0].key
    assert [len(event.history) for event in events if event.where][-1] == 2
    names = {event.where for event in events if event.where}
    assert all(len(set(name.split(", "))) == 2 for name in names), names
    alone = elastic.run(
        listed[0].trial,
        Runtime(results=tmp_path / "one", data=runtime.data, ranks=2),
        lambda _: None,
    )
    assert done.provenance["ranks"] == alone.provenance["ranks"] == 2
    assert done.metrics["videos"] == alone.metrics["videos"]
    losses, apart = ([epoch["loss"] for epoch in each.history] for each in (alone, done))
    assert apart[0] == pytest.approx(losses[0], rel=1e-2)
    assert apart[1] == pytest.approx(losses[1], rel=0.2)
    assert not (two.results / "work" / done.key).exists()
    assert not (two.results / "work" / "tune").exists()
