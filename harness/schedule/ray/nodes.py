"""The nodes of a Ray cluster: their resources, and their view of the shared folders.

A function runs on a node in a task that is pinned to it and takes no processor, so that a busy node
answers too. An error or a timeout becomes the node's result.
"""

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.schedule.ray import machine_probe
from harness.schedule.ray.machine_probe import describe_machine
from harness.schedule.ray.node_probe import (
    NodeFacts,
    check_decoder,
    describe_node,
    loader_rates,
)
from harness.specs import Trial
from harness.utils.files import make_folder

ANSWER_S = 120.0  # on a busy node, starting a worker alone takes half a minute
DECODE_S = 240.0  # it imports PyTorch, which takes a minute from some file systems
MACHINE_S = DECODE_S + 2 * machine_probe.LIMIT_S


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine that runs trials.

    Attributes:
        id: Its id in Ray.
        name: Its address, for people.
        cpus: Processor cores that it offers.
        gpus: GPUs that it offers.
    """

    id: str
    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Facts about all nodes of a cluster, by their ids; `error` stands for missing facts.

    Attributes:
        nodes: Those alive.
        unshared: Name of a node to the reason why its files miss from the results folder.
        facts: See `harness.schedule.ray.node_probe.describe_node`.
        decoders: See `harness.schedule.ray.node_probe.check_decoder`.
        machines: See `harness.schedule.ray.machine_probe.describe_machine`.
        loaders: See `harness.schedule.ray.node_probe.loader_rates`.
    """

    nodes: Sequence[Node]
    unshared: Mapping[str, str]
    facts: Mapping[str, NodeFacts]
    decoders: Mapping[str, NodeFacts]
    machines: Mapping[str, NodeFacts] = field(default_factory=dict)
    loaders: Mapping[str, NodeFacts] = field(default_factory=dict)


def alive_nodes() -> list[Node]:
    """List the nodes of the cluster to which this process is connected."""
    import ray

    return [
        Node(
            id=info["NodeID"],
            name=_node_name(info["NodeManagerAddress"], info["NodeID"]),
            cpus=info["Resources"].get("CPU", 0),
            gpus=info["Resources"].get("GPU", 0),
        )
        for info in ray.nodes()  # type: ignore[no-untyped-call]
        if info["Alive"]
    ]


def location() -> str:
    """Return the node and GPUs of this worker process as text."""
    import ray

    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    return " ".join((address, *_gpus()))


def placement() -> tuple[str, list[str]]:
    """Return the name of this worker process's node, and its GPUs."""
    import ray

    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    return _node_name(address, ray.get_runtime_context().get_node_id()), _gpus()


def join_placements(placements: Sequence[tuple[str, list[str]]]) -> str:
    """Return nodes and GPUs of several processes as text, with every node once."""
    gpus_by_node: dict[str, list[str]] = {}
    for node, gpus in placements:
        gpus_by_node.setdefault(node, []).extend(gpus)
    return ", ".join(" ".join((node, *gpus)) for node, gpus in gpus_by_node.items())


def _gpus() -> list[str]:
    import ray

    gpus = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
    return [f"GPU {gpu}" for gpu in gpus]


def _node_name(address: str, node_id: str) -> str:
    return f"{address} ({node_id[:6]})"


def find_unshared(results: Path, nodes: Sequence[Node]) -> dict[str, str]:
    """Have every node write a file into the results folder, and read it back here.

    Returns:
        Names of the nodes whose file did not arrive, with the reasons.
    """
    folder = results / f".shared-{uuid.uuid4().hex}"
    make_folder(folder)
    try:
        written = call_on_nodes(write_signature, nodes, folder)
        problems = {
            node.name: signature_problem(folder, node.id, written[node.id]) for node in nodes
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {name: problem for name, problem in problems.items() if problem}


def write_signature(folder: Path) -> NodeFacts:
    """Write a file named after this node; the folder is missing if the node does not share it."""
    import ray

    node_id = ray.get_runtime_context().get_node_id()
    (folder / node_id).write_text(folder.name, encoding="utf-8")
    return {}


def signature_problem(folder: Path, node_id: str, facts: NodeFacts) -> str:
    """Return why a node's file is missing from the folder; nothing if it is not."""
    if "error" in facts:
        return str(facts["error"])
    path = folder / node_id
    is_signed = path.is_file() and path.read_text(encoding="utf-8") == folder.name
    return "" if is_signed else "it writes into another folder of the same name"


def call_on_nodes(
    function: Callable[..., NodeFacts],
    nodes: Sequence[Node],
    *args: object,
    timeout_s: float = ANSWER_S,
) -> dict[str, NodeFacts]:
    """Call a function on every node, and return the results by the ids of the nodes."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as Pinned

    task = ray.remote(num_cpus=0, max_retries=0)(function)
    references = {
        node.id: task.options(scheduling_strategy=Pinned(node.id, soft=False)).remote(*args)
        for node in nodes
    }
    done, _ = ray.wait(list(references.values()), num_returns=len(nodes), timeout=timeout_s)
    return {
        node_id: _result(reference, is_done=reference in done, timeout_s=timeout_s)
        for node_id, reference in references.items()
    }


def _result(reference: Any, *, is_done: bool, timeout_s: float) -> NodeFacts:
    import ray

    if not is_done:
        ray.cancel(reference, force=True)
        return {"error": f"no answer within {timeout_s:g} s"}
    try:
        facts: NodeFacts = ray.get(reference)
    except ray.exceptions.RayError as error:
        return {"error": str(error).strip().splitlines()[-1]}
    return facts


def survey(results: Path, data: Path, loaded: Sequence[Trial], nodes: Sequence[Node]) -> Survey:
    """Collect facts about the nodes of the cluster to which this process is connected.

    Args:
        results: Folder that the nodes share.
        data: Folder of the data sets.
        loaded: Trials whose videos are read to measure the loader.
        nodes: The nodes.
    """
    unshared = find_unshared(results, nodes)
    with machine_probe.locked_folder(results) as folder:
        machines = call_on_nodes(describe_machine, nodes, folder, timeout_s=MACHINE_S)
    return Survey(
        nodes=nodes,
        unshared=unshared,
        facts=call_on_nodes(describe_node, nodes, data),
        decoders=call_on_nodes(check_decoder, nodes, timeout_s=DECODE_S),
        machines=machines,
        loaders=call_on_nodes(loader_rates, nodes, list(loaded), data, timeout_s=DECODE_S),
    )
