"""The nodes of a Ray cluster: what each has, and what each finds in the shared folders.

A question is a plain function that runs on a node, in a task that is pinned to it and takes no
processor, so that a busy node answers too. What does not answer is an answer.
"""

import contextlib
import gc
import json
import logging
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.answers import Answer, decode, look

ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
}
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
        facts: See `harness.answers.look`.
        decoders: See `harness.answers.decode`.
    """

    nodes: Sequence[Node]
    unshared: Mapping[str, str]
    facts: Mapping[str, Answer]
    decoders: Mapping[str, Answer]


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[list[Node]]:
    """Join a cluster, or start a local one, and leave it at the end; yields its nodes.

    Raises:
        ValueError: If the cluster does not let this process in.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    import ray

    try:
        _join(address)
        yield alive()
    finally:
        with _no_garbage_collection():
            ray.shutdown()


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep other threads from dropping references of Ray: while it ends, that ends the process."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _join(address: str | None) -> None:
    import ray

    if address is None:
        _hide_token()
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ray.exceptions.RayError) as error:
        lines = str(error.__cause__ or error).strip().splitlines()
        why = next((line for line in lines if "AuthToken" in line), lines[0]).partition(". ")[0]
        raise ValueError(f"Ray at {address or 'this machine'} cannot be joined: {why}") from error


def _hide_token() -> None:
    """Make the file of the token before Ray does, which would let every user read it."""
    path = Path.home() / ".ray" / "auth_token"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)


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


@contextlib.contextmanager
def chatter_to(path: Path) -> Iterator[None]:
    """Send what Ray prints to a file: all of standard error, and Python's standard output.

    A console that keeps the standard output it was made with goes on showing progress.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    before = os.dup(2)
    with path.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)


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


def main() -> None:
    """Print a survey as JSON; `harness.doctor` runs it in a process of its own.

    Ray ends a process that it does not like, and says much on its way.
    """
    asked = json.loads(sys.argv[1])
    try:
        with connected(asked["address"]) as nodes:
            found = survey(Path(asked["results"]), Path(asked["data"]), nodes)
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.write(f"\n{json.dumps(asdict(found))}\n")
