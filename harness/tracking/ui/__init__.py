"""The runs in a browser: a lean MLflow server on this machine, and links to its pages."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from harness.tracking import pages
from harness.tracking.errors import TrackingError, translate_errors
from harness.tracking.ui.server import HOST
from harness.tracking.ui.tables import PREFIX
from harness.tracking.uri import artifact_root, connect, is_server
from harness.utils import children

_PROGRAM = "from harness.tracking.ui.server import main; main()"
_START_TIMEOUT_S = 180.0


def serve(results: Path, uri: str, *, port: int, tables: Sequence[str]) -> int:
    """Serve the store's pages until Ctrl-C, and print links to them.

    A store behind an `http` address has a server already: only the links are printed.

    Args:
        results: Folder that holds the artifacts.
        uri: Address of the store.
        port: Of this machine, not visible from others.
        tables: Names of the tables to link to.

    Returns:
        0, or the exit code of the server.

    Raises:
        TrackingError: If the store does not respond, or the server does not start.
        ValueError: If the port is in use.
    """
    base = _strip_credentials(uri) if is_server(uri) else f"http://{HOST}:{port}"
    if not is_server(uri):
        _check_port(port)
    with translate_errors(uri):
        lines = _links(uri, base, tables)
    if is_server(uri):
        print("\n".join(lines))
        return 0
    return _serve_store(results, uri, port, "\n".join([*lines, "Press Ctrl-C to stop."]))


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            message = f"port {port} is in use on this machine; choose another with --port"
            raise ValueError(message) from None


def free_port() -> int:
    """Return an unused port of this machine."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _strip_credentials(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _links(uri: str, base: str, tables: Sequence[str]) -> list[str]:
    """List links to the tables that the store has; short ones, if the server is ours."""
    experiments = connect(uri).search_experiments(order_by=["name ASC"])
    if is_server(uri):
        ends = {
            each.name: pages.runs_address(each.experiment_id, each.tags) for each in experiments
        }
    else:
        ends = {each.name: f"{PREFIX}/{each.name}" for each in experiments}
    links = {name: f"{base}{end}" for name, end in ends.items() if name in tables}
    if len(links) > 1 and not is_server(uri):
        links = {"all tables": f"{base}{PREFIX}", **links}
    width = max(map(len, links), default=0)
    return [f"MLflow at {base}", *(f"{name:<{width}}  {link}" for name, link in links.items())]


def _serve_store(results: Path, uri: str, port: int, message: str) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with run_server(results, uri, port) as server:
            print(message, flush=True)
            return server.wait()
    except KeyboardInterrupt:
        return 0


@contextmanager
def run_server(results: Path, uri: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run an MLflow server on a store inside the block, visible on this machine alone.

    Raises:
        TrackingError: If it does not start.
    """
    # The address goes by the environment: every user can see an argument with a password.
    environment = children.environment() | {"MLFLOW_BACKEND_STORE_URI": uri}
    # A session of its own, so that the server's children end with it.
    server = subprocess.Popen(
        children.command("-c", _PROGRAM, str(port), artifact_root(results)),
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_up(server, f"http://{HOST}:{port}/health")
        yield server
    finally:
        _stop(server)


def _wait_until_up(server: subprocess.Popen[bytes], address: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            opener.open(address, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    code = server.poll()
    failure = f"did not respond within {_START_TIMEOUT_S:g} s"
    raise TrackingError(
        f"the MLflow server {failure if code is None else f'exited with code {code}'}"
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, signal_number)
            server.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
