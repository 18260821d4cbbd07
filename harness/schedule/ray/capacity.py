"""How many trials the nodes of a cluster hold, and whether each has to span several of them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Offer(Protocol):
    """What a node offers: processor cores and GPUs."""

    @property
    def cpus(self) -> float: ...
    @property
    def gpus(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Place for trials.

    Attributes:
        at_once: Trials that run side by side, at least one.
        spans: Each takes its ranks from several nodes, since no node holds it whole.
    """

    at_once: int
    spans: bool = False


def find(nodes: Sequence[Offer], *, cpus: float, gpus: float, ranks: int = 1) -> Capacity:
    """Find place for trials: within nodes if any node holds one, else across them.

    Args:
        nodes: Those that are there.
        cpus: Processor cores of one trial.
        gpus: GPUs of one trial.
        ranks: Processes of one trial; across nodes each gets an equal part, on one node.

    Raises:
        ValueError: If not one trial fits; Ray itself would wait for ever.
    """
    if within := _places(nodes, cpus=cpus, gpus=gpus):
        return Capacity(at_once=within)
    may_span = ranks > 1 and gpus in (0, ranks)
    places = _places(nodes, cpus=cpus / ranks, gpus=gpus / ranks) if may_span else 0
    if across := places // ranks:
        return Capacity(at_once=across, spans=True)
    raise ValueError(f"{_asks(nodes, cpus, gpus)}{_apart(ranks, cpus, gpus, places)}")


def _places(nodes: Sequence[Offer], *, cpus: float, gpus: float) -> int:
    return sum(int(min(_share(node.cpus, cpus), _share(node.gpus, gpus))) for node in nodes)


def _share(has: float, wants: float) -> float:
    """Divide, with room for the rounding of fractions; what asks for nothing fits any time."""
    return has / wants + 1e-6 if wants else sys.maxsize


def _asks(nodes: Sequence[Offer], cpus: float, gpus: float) -> str:
    largest = max(nodes, key=lambda node: (node.gpus, node.cpus) if gpus else (0, node.cpus))
    return (
        f"a trial asks for {cpus:g} CPUs and {gpus:g} GPUs on one node; "
        f"the largest node has {largest.cpus:g} and {largest.gpus:g}"
    )


def _apart(ranks: int, cpus: float, gpus: float, places: int) -> str:
    """Say why a trial does not span nodes either; nothing if it is one process."""
    if ranks == 1:
        return ""
    if gpus not in (0, ranks):
        return f"; to span nodes it needs one GPU for each of its {ranks} ranks"
    each = f"{cpus / ranks:g} CPUs and {gpus / ranks:g} GPUs each"
    return f"; of its {ranks} ranks with {each} all nodes together hold {places}"
