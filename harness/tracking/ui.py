"""Show the runs in a browser: a lean MLflow server on this machine, and the pages worth opening."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from harness.tracking import Store, TrackingError, artifacts, explained, is_server

HOST = "127.0.0.1"
_START_S = 180.0
_COMPARED = 100  # beyond that the comparison page is slow


def serve(results: Path, uri: str, *, port: int, tables: Sequence[str]) -> int:
    """Show the store in a browser until Ctrl-C, and print the addresses worth opening.

    A store behind an `http` address has its server already: its addresses are printed, no more.

    Args:
        results: Folder that holds the artifacts.
        uri: The store.
        port: Of this machine, not visible from others.
        tables: Whose addresses to print.

    Returns:
        0, or what the server ended with.

    Raises:
        TrackingError: If the store does not answer, or the server does not start.
        ValueError: If the port is taken.
    """
    base = _without_user(uri) if is_server(uri) else f"http://{HOST}:{port}"
    if not is_server(uri):
        _check_free(port)
    with explained(uri):
        lines = _addresses(Store(uri, results), base, tables)
    if is_server(uri):
        print("\n".join(lines))
        return 0
    return _run_server(results, uri, port, "\n".join([*lines, "Ctrl-C ends it."]))


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            message = f"port {port} is taken on this machine; give another one with --port"
            raise ValueError(message) from None


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _without_user(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _addresses(store: Store, base: str, tables: Sequence[str]) -> list[str]:
    """List the pages of each table: all runs as charts, and the finished ones side by side."""
    lines = [f"MLflow at {base}"]
    experiments = {table: store.experiment(table) for table in tables}
    if len(tables) > 1:
        chosen = f"experiments={_listed(list(experiments.values()))}"
        lines.append(f"all tables: {base}/#/compare-experiments/s?{chosen}")
    for table, experiment in experiments.items():
        runs = [run.info.run_id for run in store.finished_runs(experiment)][:_COMPARED]
        page = f"{base}/#/experiments/{experiment}/runs?compareRunsMode=CHART"
        lines.append(f"{table}, charts: {page}")
        if runs:
            chosen = f"runs={_listed(runs)}&experiments={_listed([experiment])}"
            lines.append(f"{table}, comparison: {base}/#/compare-runs?{chosen}")
    return lines


def _listed(ids: Sequence[str]) -> str:
    return quote(json.dumps(ids, separators=(",", ":")))


def _run_server(results: Path, uri: str, port: int, message: str) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with server(results, uri, port) as running:
            print(message, flush=True)
            return running.wait()
    except KeyboardInterrupt:
        return 0


@contextmanager
def server(results: Path, uri: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run an MLflow server before a store, visible on this machine alone; it ends with the block.

    Raises:
        TrackingError: If it does not start.
    """
    # The store goes by the environment: an argument with a password is seen by every user.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"} | os.environ
    environment |= {"MLFLOW_BACKEND_STORE_URI": uri}
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--artifacts-destination", artifacts(results)]
    command += ["--uvicorn-opts", "--log-level warning"]
    # A session of its own, so that the server's children end with it.
    started = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_for(started, f"http://{HOST}:{port}/health")
        yield started
    finally:
        _stop(started)


def _wait_for(server: subprocess.Popen[bytes], address: str) -> None:
    local = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            local.open(address, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TrackingError(f"the MLflow server did not answer; it ended with {server.poll()}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, how)
            server.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
