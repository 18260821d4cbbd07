"""Checks before a grid starts: one result for each possible problem.

Ray runs in a separate process with a time limit, since it may hang, or end the calling process.
"""

import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

from harness.schedule import child
from harness.schedule.child import ChildError, SilentChildError
from harness.schedule.doctor import checks, machine_checks
from harness.schedule.doctor.checks import CheckResult, ok, problem
from harness.schedule.doctor.inputs import check_passports, check_weights
from harness.schedule.ray import machine_probe, node_probe, nodes, session
from harness.schedule.ray.node_probe import NodeFacts
from harness.schedule.ray.nodes import Node, Survey
from harness.specs import Trial, as_dict
from harness.tracking import TrackingError, is_server, mirror, redact, store_uri
from harness.tracking.errors import sync_command
from harness.utils import files

CONNECT_S = 60.0
REACH_S = 5.0
_THIS_MACHINE = "this machine"
_READABLE = 0o077  # by the group or by others
_ENTERABLE = 0o011
_PROGRAM = "from harness.schedule.ray import session; session.main()"


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """The grid and the machines to check.

    Attributes:
        results: Folder of records, which all nodes must share.
        data: Folder of the data sets, which all nodes must share.
        weights: Folder of initial weights; None if none is named.
        address: Of a Ray cluster; None for this machine.
        ray: Start Ray on this machine for the checks.
        cpus: Processor cores of one trial.
        gpus: GPUs of one trial.
        ranks: Processes of one trial; None for one for each of its GPUs, or one.
        trials: Those of the grid.
        todo: Those of them without a fresh record.
    """

    results: Path
    data: Path
    weights: Path | None = None
    address: str | None = None
    ray: bool = False
    cpus: float = 1
    gpus: float = 0
    ranks: int | None = None
    trials: Sequence[Trial] = ()
    todo: Sequence[Trial] = ()


def run_checks(request: CheckRequest) -> Iterator[CheckResult]:
    """Run all checks one by one, slow ones last."""
    yield check_token(request.address)
    yield from check_passports(request.trials, request.data)
    yield from check_weights(request.trials, request.weights)
    yield check_store(request.results)
    survey = _survey(request)
    if isinstance(survey, CheckResult):
        yield survey
        yield checks.check_disk(request.results, request.todo, request.data, max_concurrent=None)
        return
    local = node_probe.describe_node(request.data)
    yield from checks.check_nodes(survey)
    yield from checks.check_results(survey, request.results)
    yield from checks.check_data(survey, request.data, local["data"])
    yield from checks.check_versions(survey, local["versions"])
    yield from checks.check_decoders(survey)
    yield from machine_checks.check_machines(survey, request.todo)
    yield from machine_checks.check_gpus(survey, request.todo)
    yield from machine_checks.check_loaders(survey, request.todo)
    ranks = request.ranks or max(int(request.gpus), 1)
    result, max_concurrent = checks.check_capacity(
        survey.nodes, cpus=request.cpus, gpus=request.gpus, ranks=ranks
    )
    yield result
    yield checks.check_disk(
        request.results, request.todo, request.data, max_concurrent=max_concurrent
    )


def check_token(address: str | None) -> CheckResult:
    """Check the token that keeps strangers from running code in the cluster."""
    mode = os.environ.get("RAY_AUTH_MODE") or session.ENVIRONMENT["RAY_AUTH_MODE"]
    given = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(given) if given else session.home_token_path()
    if mode.lower() != "token":
        danger = f"RAY_AUTH_MODE is {mode}, so anyone who reaches Ray's ports can run code as you"
        return problem("token", danger, "export RAY_AUTH_MODE=token on every node")
    if os.environ.get("RAY_AUTH_TOKEN"):
        return ok("token", "in RAY_AUTH_TOKEN")
    if path is not None and path.is_file() and path.stat().st_size:
        if _is_exposed(path):
            return problem("token", f"other users can read {path}", f"chmod 600 {path}")
        return ok("token", f"in {path}")
    if address is None:
        return ok("token", "none yet; Ray makes one when it starts here")
    remedy = "copy the cluster's token here, or make one with `ray get-auth-token --generate`"
    if path is None:
        return problem("token", "no home folder can be written", f"set RAY_AUTH_TOKEN; {remedy}")
    return problem("token", f"{path} is missing or empty", remedy)


def _is_exposed(path: Path) -> bool:
    """Return whether another user can reach a file and read it."""
    return bool(path.stat().st_mode & _READABLE) and all(
        folder.stat().st_mode & _ENTERABLE for folder in path.resolve().parents
    )


def check_store(results: Path) -> CheckResult:
    """Check that MLflow's store answers; runs go on without it."""
    uri = store_uri(results)
    what = "tracking"
    remedy = f"runs go on without it, and `{sync_command(uri, results)}` catches up later"
    server = urlsplit(uri)
    if server.hostname:
        if not _is_reachable(server.hostname, server.port or _default_port(server.scheme)):
            return problem(what, f"{redact(uri)} did not answer within {REACH_S:g} s", remedy)
    elif not (results / "mlflow" / "mlflow.db").is_file():
        return ok(what, "no store yet; the first run makes one")
    try:
        mirror.check(uri, results=results)
    except TrackingError as error:
        return problem(what, str(error), remedy)
    return ok(what, f"{'a server' if is_server(uri) else 'a store'} at {redact(uri)}")


def _default_port(scheme: str) -> int:
    return {"http": 80, "https": 443, "mysql": 3306}.get(scheme.partition("+")[0], 5432)


def _is_reachable(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=REACH_S).close()
    except OSError:
        return False
    return True


def _survey(request: CheckRequest) -> Survey | CheckResult:
    """Survey the cluster, a local one, or this machine without Ray."""
    if why := _write_problem(request.results):
        return problem("results", why, "choose a writable folder with --results")
    if request.address is None and not request.ray:
        return _survey_this_machine(request)
    host, colon, port = (request.address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdigit() and not _is_reachable(host, int(port)):
        silence = f"{request.address} did not answer within {REACH_S:g} s"
        remedy = "check that the head is running, and that this machine is one of its nodes"
        return problem("cluster", silence, remedy)
    loaded = node_probe.loaded_trials(request.todo, request.data)
    limit_s = CONNECT_S + 2 * nodes.ANSWER_S + nodes.DECODE_S + 2 * nodes.MACHINE_S
    arguments = {
        "address": request.address,
        "results": str(request.results),
        "data": str(request.data),
        "loaded": [as_dict(trial) for trial in loaded],
    }
    try:
        body = child.ask(_PROGRAM, json.dumps(arguments), limit_s=limit_s)
    except SilentChildError as error:
        return problem("cluster", str(error), "see `ray status`")
    except ChildError as error:
        remedy = "use the token, the address and the version of Ray of the cluster"
        return problem("cluster", str(error), remedy)
    return Survey(**body | {"nodes": [Node(**node) for node in body["nodes"]]})


def _write_problem(folder: Path) -> str:
    """Make a folder, and return why it cannot be written; nothing if it can."""
    try:
        files.make_folder(folder)
        files.check_private(folder)
        with TemporaryFile(dir=folder):
            return ""
    except ValueError as error:
        return str(error)
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"


def _survey_this_machine(request: CheckRequest) -> Survey:
    import torch

    node = Node(
        id=_THIS_MACHINE,
        name=_THIS_MACHINE,
        cpus=os.cpu_count() or 1,
        gpus=torch.cuda.device_count(),
    )
    loaded = node_probe.loaded_trials(request.todo, request.data)
    with machine_probe.locked_folder(request.results) as folder:
        machine = _ask_here(machine_probe.describe_machine, folder)
    return Survey(
        nodes=[node],
        unshared={},
        facts={_THIS_MACHINE: node_probe.describe_node(request.data)},
        decoders={_THIS_MACHINE: _ask_here(node_probe.check_decoder)},
        machines={_THIS_MACHINE: machine},
        loaders={_THIS_MACHINE: _ask_here(node_probe.loader_rates, loaded, request.data)},
    )


def _ask_here(question: Callable[..., NodeFacts], *words: object) -> NodeFacts:
    try:
        return question(*words)
    except (ValueError, ImportError, OSError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
