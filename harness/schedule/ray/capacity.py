"""Cluster capacity: trials that fit at once, within nodes or across them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class NodeResources(Protocol):
    """Processor cores and GPUs of a node."""

    @property
    def cpus(self) -> float: ...
    @property
    def gpus(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Room for trials.

    Attributes:
        num_trials: Trials that fit side by side, at least one.
        spans_nodes: Each trial takes its ranks from several nodes, since no node holds it whole.
    """

    num_trials: int
    spans_nodes: bool = False


def find_capacity(
    nodes: Sequence[NodeResources], *, cpus: float, gpus: float, ranks: int = 1
) -> Capacity:
    """Find room for trials: within nodes if any node holds one, else across nodes.

    Args:
        nodes: Those alive.
        cpus: Processor cores of one trial.
        gpus: GPUs of one trial.
        ranks: Processes of one trial; across nodes each gets an equal part, on one node.

    Raises:
        ValueError: If no trial fits; Ray itself would wait forever.
    """
    if within := _count_places(nodes, cpus=cpus, gpus=gpus):
        return Capacity(num_trials=within)
    may_span = ranks > 1 and gpus in (0, ranks)
    places = _count_places(nodes, cpus=cpus / ranks, gpus=gpus / ranks) if may_span else 0
    if across := places // ranks:
        return Capacity(num_trials=across, spans_nodes=True)
    problem = _single_node_problem(nodes, cpus, gpus)
    raise ValueError(f"{problem}{_multi_node_problem(ranks, cpus, gpus, places)}")


def _count_places(nodes: Sequence[NodeResources], *, cpus: float, gpus: float) -> int:
    return sum(int(min(_ratio(node.cpus, cpus), _ratio(node.gpus, gpus))) for node in nodes)


def _ratio(available: float, required: float) -> float:
    """Divide, with tolerance for rounded fractions; a requirement of zero always fits."""
    return available / required + 1e-6 if required else sys.maxsize


def _single_node_problem(nodes: Sequence[NodeResources], cpus: float, gpus: float) -> str:
    largest = max(nodes, key=lambda node: (node.gpus, node.cpus) if gpus else (0, node.cpus))
    return (
        f"a trial needs {cpus:g} CPUs and {gpus:g} GPUs on one node; "
        f"the largest node has {largest.cpus:g} and {largest.gpus:g}"
    )


def _multi_node_problem(ranks: int, cpus: float, gpus: float, places: int) -> str:
    """Return why a trial cannot span nodes either; nothing if it is one process."""
    if ranks == 1:
        return ""
    if gpus not in (0, ranks):
        return f"; to span nodes it needs one GPU for each of its {ranks} ranks"
    share = f"{cpus / ranks:g} CPUs and {gpus / ranks:g} GPUs each"
    return f"; of its {ranks} ranks with {share} all nodes together hold {places}"
