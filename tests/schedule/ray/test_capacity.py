"""How many trials find place, within nodes and across them."""

from pathlib import Path

import pytest

from harness.schedule.ray import capacity, multi_node, nodes
from harness.schedule.ray.capacity import Capacity
from harness.schedule.ray.nodes import Node


def node(cpus, gpus=0):
    return Node(id="1", name="one", cpus=cpus, gpus=gpus)


EIGHT, FOUR = node(16, 8), node(8, 4)


@pytest.mark.parametrize(
    ("nodes", "cpus", "gpus", "ranks", "found"),
    [
        ([EIGHT, EIGHT], 8, 8, 8, Capacity(num_trials=2)),
        ([EIGHT, EIGHT], 16, 16, 16, Capacity(num_trials=1, spans_nodes=True)),
        ([EIGHT] * 5, 16, 16, 16, Capacity(num_trials=2, spans_nodes=True)),
        ([EIGHT, FOUR], 12, 12, 12, Capacity(num_trials=1, spans_nodes=True)),
        # Six places of two cores and a GPU on eight GPUs, and three on four.
        ([node(12, 8), node(6, 4)], 18, 9, 9, Capacity(num_trials=1, spans_nodes=True)),
        ([node(1), node(1)], 2, 0, 2, Capacity(num_trials=1, spans_nodes=True)),
        ([node(1)] * 7, 2, 0, 2, Capacity(num_trials=3, spans_nodes=True)),
        ([node(2), node(1)], 2, 0, 2, Capacity(num_trials=1)),
        ([node(0), node(1), node(1)], 2, 0, 2, Capacity(num_trials=1, spans_nodes=True)),
        # A tenth of a core ten times is a core.
        ([node(1, 10)] * 2, 2, 20, 20, Capacity(num_trials=1, spans_nodes=True)),
        ([EIGHT], 1, 0.1, 1, Capacity(num_trials=16)),
    ],
)
def test_a_trial_stays_on_one_node_if_any_holds_it_and_spans_nodes_otherwise(
    nodes, cpus, gpus, ranks, found
):
    assert capacity.find_capacity(nodes, cpus=cpus, gpus=gpus, ranks=ranks) == found


@pytest.mark.parametrize(
    ("cpus", "gpus", "ranks", "message"),
    [
        (1, 9, 1, "needs 1 CPUs and 9 GPUs on one node; the largest node has 16 and 8$"),
        (17, 0, 1, "needs 17 CPUs and 0 GPUs on one node; the largest node has 16 and 8$"),
        (16, 16, 16, "of its 16 ranks with 1 CPUs and 1 GPUs each all nodes together hold 12$"),
        (16, 12, 6, "to span nodes it needs one GPU for each of its 6 ranks$"),
        (17, 0.5, 2, "to span nodes it needs one GPU for each of its 2 ranks$"),
        (34, 0, 2, "of its 2 ranks with 17 CPUs and 0 GPUs each all nodes together hold 0$"),
    ],
)
def test_what_the_nodes_do_not_hold_is_refused_with_what_they_have(cpus, gpus, ranks, message):
    with pytest.raises(ValueError, match=message):
        capacity.find_capacity([EIGHT, FOUR], cpus=cpus, gpus=gpus, ranks=ranks)


def waited(monkeypatch, *, back_after):
    """Wait for two nodes of one core, one of them lost; return how often it asked to go on."""
    asked = []
    monkeypatch.setattr(multi_node, "_ROOM_S", 0.05)
    monkeypatch.setattr(multi_node, "_POLL_S", 0.01)
    monkeypatch.setattr(nodes, "alive_nodes", lambda: [node(1)] * (1 + (len(asked) >= back_after)))
    takes = multi_node.TrialResources(cpus=2, gpus=0, scratch=Path())
    multi_node._wait_for_room(takes, 2, lambda: asked.append(1))
    return len(asked)


def test_a_trial_waits_for_a_node_to_come_back_and_asks_meanwhile_whether_to_go_on(monkeypatch):
    assert waited(monkeypatch, back_after=2) == 2


def test_a_node_that_stays_away_ends_the_wait_in_a_sentence(monkeypatch):
    with pytest.raises(ValueError, match=r"no room within 0\.05 s: "):
        waited(monkeypatch, back_after=1_000)
