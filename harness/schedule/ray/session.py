"""Join a Ray cluster, or start one here, and leave it again; what Ray prints goes to a file."""

import contextlib
import gc
import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from harness.schedule.ray.nodes import Node, alive, survey

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


def main() -> None:
    """Print a survey as JSON; `harness.schedule.doctor` runs it in a process of its own.

    Ray ends a process that it does not like, and says much on its way.
    """
    asked = json.loads(sys.argv[1])
    try:
        with connected(asked["address"]) as nodes:
            found = survey(Path(asked["results"]), Path(asked["data"]), nodes)
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.write(f"\n{json.dumps(asdict(found))}\n")
