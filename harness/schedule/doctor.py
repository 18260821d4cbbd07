"""What would go wrong with a grid, found before it starts: one line for each thing looked at.

Ray runs in a process of its own, with a time limit: it may hang or end the process that asks.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

from harness import data
from harness.data import passport
from harness.schedule import doctor_checks
from harness.schedule.doctor_checks import Finding, ok, problem
from harness.schedule.ray import node_probe, nodes, session
from harness.schedule.ray.node_probe import Answer
from harness.schedule.ray.nodes import Node, Survey
from harness.specs import Trial
from harness.tracking import TrackingError, is_server, mirror, redact, store_uri

CONNECT_S = 60.0
REACH_S = 5.0
_HERE = "this machine"
_OTHERS = 0o077
_ENTER = 0o011
_START = "from harness.schedule.ray import session; session.main()"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to look at.

    Attributes:
        results: Folder of records; each node is to see it.
        data: Folder of the data sets; each node is to see it.
        address: Of a Ray cluster; None for this machine.
        ray: Start Ray on this machine for it.
        cpus: Processor cores of one trial.
        gpus: GPUs of one trial.
        ranks: Processes of one trial; None for one for each of its GPUs, or one.
        trials: Those of the grid.
        todo: Those of them without a fresh record.
    """

    results: Path
    data: Path
    address: str | None = None
    ray: bool = False
    cpus: float = 1
    gpus: float = 0
    ranks: int | None = None
    trials: Sequence[Trial] = ()
    todo: Sequence[Trial] = ()


def examine(asked: Asked) -> Iterator[Finding]:
    """Look at one thing after the other; what takes long comes last."""
    yield token(asked.address)
    yield from passports(asked.trials, asked.data)
    yield store(asked.results)
    found = _survey(asked)
    if isinstance(found, Finding):
        yield found
        yield doctor_checks.of_disk(asked.results, asked.todo, side_by_side=None)
        return
    here = node_probe.look(asked.data)
    yield from doctor_checks.of_nodes(found)
    yield from doctor_checks.of_results(found, asked.results)
    yield from doctor_checks.of_data(found, asked.data, here["data"])
    yield from doctor_checks.of_versions(found, here["versions"])
    yield from doctor_checks.of_decoders(found)
    ranks = asked.ranks or max(int(asked.gpus), 1)
    request, fitting = doctor_checks.of_request(
        found.nodes, cpus=asked.cpus, gpus=asked.gpus, ranks=ranks
    )
    yield request
    yield doctor_checks.of_disk(asked.results, asked.todo, side_by_side=fitting)


def token(address: str | None) -> Finding:
    """Look at the token that keeps strangers from running code in the cluster."""
    mode = os.environ.get("RAY_AUTH_MODE") or session.ENVIRONMENT["RAY_AUTH_MODE"]
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    if mode.lower() != "token":
        danger = f"RAY_AUTH_MODE is {mode}, so whoever reaches Ray's ports runs code as you"
        return problem("token", danger, "export RAY_AUTH_MODE=token on every node")
    if os.environ.get("RAY_AUTH_TOKEN"):
        return ok("token", "in RAY_AUTH_TOKEN")
    if path.is_file() and path.stat().st_size:
        exposed = _is_exposed(path)
        how = f"others may read {path}" if exposed else f"in {path}"
        return problem("token", how, f"chmod 600 {path}") if exposed else ok("token", how)
    if address is None:
        return ok("token", "none yet; Ray makes one when it starts here")
    remedy = "bring the cluster's here, or make it with `ray get-auth-token --generate`"
    return problem("token", f"there is no {path}", remedy)


def _is_exposed(path: Path) -> bool:
    """Say whether another user can reach a file and read it."""
    return bool(path.stat().st_mode & _OTHERS) and all(
        folder.stat().st_mode & _ENTER for folder in path.resolve().parents
    )


def passports(trials: Sequence[Trial], root: Path) -> Iterator[Finding]:
    """Look for the passports of the data sets that trials name."""
    for name in sorted({trial.data.name for trial in trials}):
        what, path = f"data {name}", data.passport_path(name, root)
        check = f"harness data check {name} --root FOLDER --data {root}"
        if name in data.GENERATED:
            yield ok(what, "made by the first run")
        elif not path.is_file():
            yield problem(what, f"there is no {path}", f"`{check}` makes it")
        else:
            yield _passport(what, path, check)


def _passport(what: str, path: Path, check: str) -> Finding:
    try:
        found = passport.read(path)
    except ValueError as error:
        return problem(what, str(error), f"`{check}` makes it again")
    videos = ", ".join(f"{len(each):,} {split}" for split, each in found.splits.items())
    return ok(what, f"{videos} videos in its passport")


def store(results: Path) -> Finding:
    """Look whether MLflow's store answers; runs go on without it."""
    uri = store_uri(results)
    what, catch_up = "tracking", "runs go on without it, and `harness sync` catches up"
    place = urlsplit(uri)
    if place.hostname and not _answers(place.hostname, place.port or _port(place.scheme)):
        return problem(what, f"nothing answers at {redact(uri)} within {REACH_S:g} s", catch_up)
    if not place.hostname and not (results / "mlflow" / "mlflow.db").is_file():
        return ok(what, "no store yet; the first run makes one")
    try:
        mirror.check(uri, results=results)
    except TrackingError as error:
        return problem(what, str(error), catch_up)
    return ok(what, f"{'a server' if is_server(uri) else 'a store'} at {redact(uri)}")


def _port(scheme: str) -> int:
    return {"http": 80, "https": 443, "mysql": 3306}.get(scheme.partition("+")[0], 5432)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=REACH_S).close()
    except OSError:
        return False
    return True


def _survey(asked: Asked) -> Survey | Finding:
    """Ask the cluster, a local one, or this machine without Ray."""
    if why := _unwritable(asked.results):
        return problem("results", why, "choose a folder that you may write, by --results")
    if asked.address is None and not asked.ray:
        return _here(asked.data)
    host, colon, port = (asked.address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdigit() and not _answers(host, int(port)):
        silence = f"nothing answers at {asked.address} within {REACH_S:g} s"
        return problem("cluster", silence, "is the head running, and is this one of its nodes?")
    limit_s = CONNECT_S + 2 * nodes.ANSWER_S + nodes.DECODE_S
    where = {"address": asked.address, "results": str(asked.results), "data": str(asked.data)}
    words = [sys.executable, "-c", _START, json.dumps(where)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return problem("cluster", f"no answer within {limit_s:g} s", "see `ray status`")
    return _read(done)


def _unwritable(folder: Path) -> str:
    """Say why nothing can be written into a folder, which is made; nothing if it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"


def _read(done: "subprocess.CompletedProcess[str]") -> Survey | Finding:
    """Read what `session.main` printed last, or why it failed."""
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = said[-1] if said else f"it ended with {done.returncode}"
        remedy = "the token, the version of Ray and the address are to be those of the cluster"
        return problem("cluster", why[:300], remedy)
    body = json.loads(done.stdout.splitlines()[-1])
    return Survey(**body | {"nodes": [Node(**each) for each in body["nodes"]]})


def _here(root: Path) -> Survey:
    """Ask this machine the questions of a node."""
    import torch

    node = Node(id=_HERE, name=_HERE, cpus=os.cpu_count() or 1, gpus=torch.cuda.device_count())
    return Survey(
        nodes=[node],
        unshared={},
        facts={_HERE: node_probe.look(root)},
        decoders={_HERE: _tried()},
    )


def _tried() -> Answer:
    try:
        return node_probe.decode()
    except (ValueError, ImportError, OSError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
