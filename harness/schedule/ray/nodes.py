"""The nodes of a Ray cluster: what each has, and what each finds in the shared folders.

A question is a plain function that runs on a node, in a task that is pinned to it and takes no
processor, so that a busy node answers too. What does not answer is an answer.
"""

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.schedule.ray.node_probe import Answer, decode, look

ANSWER_S = 30.0
DECODE_S = 90.0  # PyTorch is imported for it, on some file systems for a minute


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine that runs trials.

    Attributes:
        id: Ray's name of it.
        name: Its address, for a person to read.
        cpus: Processor cores that it offers.
        gpus: GPUs that it offers.
    """

    id: str
    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the nodes said, by their ids; an answer with `error` is why there is none.

    Attributes:
        nodes: Those that are alive.
        unshared: Name of a node to why its files do not arrive in the results folder.
        facts: See `harness.schedule.ray.node_probe.look`.
        decoders: See `harness.schedule.ray.node_probe.decode`.
    """

    nodes: Sequence[Node]
    unshared: Mapping[str, str]
    facts: Mapping[str, Answer]
    decoders: Mapping[str, Answer]


def alive() -> list[Node]:
    """List the nodes of the cluster to which this process is connected."""
    import ray

    return [
        Node(
            id=each["NodeID"],
            name=_name(each["NodeManagerAddress"], each["NodeID"]),
            cpus=each["Resources"].get("CPU", 0),
            gpus=each["Resources"].get("GPU", 0),
        )
        for each in ray.nodes()  # type: ignore[no-untyped-call]
        if each["Alive"]
    ]


def where() -> str:
    """Say on which node and GPUs this process of Ray runs."""
    import ray

    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    return " ".join((address, *_gpus()))


def spot() -> tuple[str, list[str]]:
    """Return the name of this process's node, and its GPUs."""
    import ray

    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    return _name(address, ray.get_runtime_context().get_node_id()), _gpus()


def everywhere(spots: Sequence[tuple[str, list[str]]]) -> str:
    """Say on which nodes and GPUs processes run, each node once."""
    found: dict[str, list[str]] = {}
    for node, gpus in spots:
        found.setdefault(node, []).extend(gpus)
    return ", ".join(" ".join((node, *gpus)) for node, gpus in found.items())


def _gpus() -> list[str]:
    import ray

    gpus = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
    return [f"GPU {each}" for each in gpus]


def _name(address: str, node: str) -> str:
    return f"{address} ({node[:6]})"


def unshared(results: Path, nodes: Sequence[Node]) -> dict[str, str]:
    """Have every node write a file into the results folder, and read it back here.

    Returns:
        Names of the nodes whose file did not arrive, each with the reason.
    """
    folder = results / f".shared-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        answers = ask(sign, nodes, folder)
        whys = {node.name: why_unsigned(folder, node.id, answers[node.id]) for node in nodes}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {name: why for name, why in whys.items() if why}


def sign(folder: Path) -> Answer:
    """Write a file into a folder that is there already, if this node sees the same one."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    (folder / node).write_text(folder.name, encoding="utf-8")
    return {}


def why_unsigned(folder: Path, node: str, answer: Answer) -> str:
    """Say why a node's file is not in the folder; nothing if it is."""
    if "error" in answer:
        return str(answer["error"])
    path = folder / node
    there = path.is_file() and path.read_text(encoding="utf-8") == folder.name
    return "" if there else "it writes into another folder of that name"


def ask(
    question: Callable[..., Answer],
    nodes: Sequence[Node],
    *args: object,
    timeout_s: float = ANSWER_S,
) -> dict[str, Answer]:
    """Run a function on every node, and return the answers by the ids of the nodes."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as Pinned

    task = ray.remote(num_cpus=0, max_retries=0)(question)
    asked = {
        node.id: task.options(scheduling_strategy=Pinned(node.id, soft=False)).remote(*args)
        for node in nodes
    }
    done, _ = ray.wait(list(asked.values()), num_returns=len(asked), timeout=timeout_s)
    return {node: _answer(each, each in done, timeout_s) for node, each in asked.items()}


def _answer(reference: Any, is_there: bool, timeout_s: float) -> Answer:
    import ray

    if not is_there:
        ray.cancel(reference, force=True)
        return {"error": f"no answer within {timeout_s:g} s"}
    try:
        answer: Answer = ray.get(reference)
    except ray.exceptions.RayError as error:
        return {"error": str(error).strip().splitlines()[-1]}
    return answer


def survey(results: Path, data: Path, nodes: Sequence[Node]) -> Survey:
    """Ask the nodes of the cluster to which this process is connected."""
    return Survey(
        nodes=nodes,
        unshared=unshared(results, nodes),
        facts=ask(look, nodes, data),
        decoders=ask(decode, nodes, timeout_s=DECODE_S),
    )
