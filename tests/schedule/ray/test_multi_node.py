"""Trials whose ranks span nodes: two Ray nodes of one processor each, on this machine."""

import contextlib
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.table_b import EXPERIMENT
from harness import data, record
from harness.plan import grid
from harness.provenance import code
from harness.runtime import Runtime
from harness.schedule import local_ranks
from harness.schedule.ray import session, tune
from harness.schedule.ray.tune import Resources
from harness.schedule.stop import Interrupted, Stop
from tests.helpers import ray_clusters
from tests.helpers.sockets import listening_sockets, process_tree
from tests.helpers.tiny_trials import shrunk
from tests.helpers.tracking_stores import wait_until

pytestmark = pytest.mark.slow
RANK, CLEANER = b"ray::RayTrainWorker", b"ray::PlacementGroupCleaner"


@pytest.fixture(scope="module")
def cluster():
    with ray_clusters.of_nodes(1, 1) as found:
        yield found


def planned(runtime, *, epochs=2, **train):
    """Plan one trial, which fills two nodes."""

    def scale(whole):
        small = shrunk(whole)
        every = small.evaluation.every_epochs if epochs == 2 else 0
        return replace(
            small,
            train=replace(small.train, epochs=epochs, **train),
            evaluation=replace(small.evaluation, every_epochs=every),
        )

    return grid.trials(
        replace(EXPERIMENT, rows=(EXPERIMENT.rows[3],), claims=()),
        rescale=scale,
        seeds=1,
        passport=lambda each: data.load_passport(each.data, runtime.data).digest,
        code=code.hashes,
        results=runtime.results,
    )


@pytest.fixture
def two(runtime):
    """Let trials run in two ranks."""
    return replace(runtime, ranks=2)


def run_across(listed, runtime, watch, address, stop=None, **resources):
    """Run trials that no node holds; return what was said of it."""
    said = []
    takes = Resources(address=address, cpus=2, **resources)
    tune.run_on_ray(listed, runtime, watch, takes, stop, said.append)
    return said


def running(process, *kinds):
    """Return processes of Ray Train on all nodes of a cluster."""
    found = []
    for pid in process_tree(process.pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(kinds):
                found.append(pid)
    return found


def since_now(cluster):
    """Return what lists the cleaners that started after this; those of earlier trials end late."""
    others = set(running(cluster[0], CLEANER))
    return lambda: set(running(cluster[0], CLEANER)) - others


def assert_nothing_is_left(cluster):
    """Look for ranks, and for places that are still taken."""
    process, address = cluster
    wait_until(lambda: not running(process, RANK))
    with session.connect(address):
        import ray

        def free():
            table = ray.util.placement_group_table().values()
            idle = ray.available_resources().get("CPU") == ray.cluster_resources()["CPU"]
            return idle and all(each["state"] == "REMOVED" for each in table)

        wait_until(free)


def test_a_trial_across_two_nodes_is_the_one_in_two_ranks_on_one(cluster, two, tmp_path):
    listed, events, sockets = planned(two), [], {}

    def watch(event):
        events.append(event)
        for pid in running(cluster[0], RANK):
            sockets.setdefault(pid, set()).update(listening_sockets(pid))

    said = run_across(listed, two, watch, cluster[1])
    (node,) = {event.location.split()[0] for event in events if event.location}
    for found in sockets.values():
        assert [each.address for each in found if each.address != node] == ["::"], "Ray's own port"
        assert any(each.address == node for each in found), "gloo's port"
    assert said == ["each trial spans nodes, as no node holds its 2 ranks; room for 1 at once"]
    assert [event.failure for event in events] == [None] * len(events)
    done = events[-1].record
    assert done.key == listed[0].key
    assert [len(event.history) for event in events if event.location][-1] == 2
    names = {event.location for event in events if event.location}
    assert all(len(set(name.split(", "))) == 2 for name in names), names
    here = Runtime(results=tmp_path / "one", data=two.data, ranks=2)
    alone = local_ranks.run(listed[0].trial, here, lambda _: None)
    assert done.provenance["ranks"] == alone.provenance["ranks"] == 2
    assert done.metrics["videos"] == alone.metrics["videos"]
    losses, apart = ([epoch["loss"] for epoch in each.history] for each in (alone, done))
    assert apart[0] == pytest.approx(losses[0], rel=1e-2)
    assert apart[1] == pytest.approx(losses[1], rel=0.2)
    assert not (two.results / "work" / done.key).exists()
    assert not (two.results / "work" / "tune").exists()


@pytest.mark.chaos
def test_a_trial_across_nodes_that_fails_says_why_and_is_not_tried_again(cluster, two):
    listed, events = planned(two, lr=1e30, warmup_epochs=0), []
    run_across(listed, two, events.append, cluster[1])
    assert [event.failure for event in events if event.failure is not None] == [
        event.failure for event in events[-1:]
    ]
    assert events[-1].failure.startswith("loss is nan in epoch 1")
    assert [len(event.history) for event in events[:-1]] == [0]
    assert_nothing_is_left(cluster)


@pytest.mark.chaos
def test_a_stop_ends_a_trial_across_nodes_after_its_epoch_and_leaves_nothing(cluster, two):
    listed, events, stop = planned(two, epochs=200), [], Stop()
    since = since_now(cluster)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def watch(event):
        events.append(event)
        if len(event.history) == 2:
            signal.raise_signal(signal.SIGTERM)

    try:
        with stop.graceful():
            run_across(listed, two, watch, cluster[1], stop)
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert len(events[-1].history) in (2, 3)
    assert events[-1].failure is None
    wait_until(lambda: not since())
    assert_nothing_is_left(cluster)
    assert list((two.results / "work" / listed[0].key).glob("epoch-*.pt"))


@pytest.mark.chaos
def test_leaving_at_once_leaves_no_rank_and_no_place_taken(cluster, two):
    since = since_now(cluster)

    def watch(event):
        if event.history:
            assert len(running(cluster[0], RANK)) == 2
            assert len(since()) == 1
            raise Interrupted(130)

    with pytest.raises(KeyboardInterrupt):
        run_across(planned(two, epochs=200), two, watch, cluster[1])
    wait_until(lambda: not since())
    assert_nothing_is_left(cluster)


@pytest.mark.chaos
@pytest.mark.parametrize(
    "kind", [RANK, b"ray::ImplicitFunc", b"ray::TrainController"], ids=["rank", "Tune", "Train"]
)
def test_whatever_is_killed_the_ranks_end_and_the_trial_goes_on(cluster, two, kind):
    listed, events, killed = planned(two, epochs=20), [], []

    def watch(event):
        events.append(event)
        if len(event.history) >= 2 and not killed:
            killed.extend(running(cluster[0], kind))
            os.kill(killed[-1], signal.SIGKILL)

    run_across(listed, two, watch, cluster[1])
    done = events[-1].record
    assert done.resumed_epochs[0] >= 2
    assert [epoch["epoch"] for epoch in done.history] == list(range(1, 21))
    assert_nothing_is_left(cluster)


@pytest.mark.chaos
def test_a_lost_node_is_replaced_by_another_and_the_trial_goes_on(two):
    listed, events, lost = planned(two, epochs=40), [], []
    with ray_clusters.of_nodes(1, 1, 1) as (process, address):

        def watch(event):
            events.append(event)
            if len(event.history) >= 2 and not lost:
                lost.append(event.location)
                ray_clusters.lose_a_node(process, event.location)

        run_across(listed, two, watch, address)
        assert_nothing_is_left((process, address))
    assert [event.failure for event in events] == [None] * len(events)
    done = record.read(two.results, listed[0].key)
    assert done.resumed_epochs[0] >= 2
    assert [epoch["epoch"] for epoch in done.history] == list(range(1, 41))
    ends = {event.location for event in events if len(event.history) == 40}
    assert ends.isdisjoint(lost)
