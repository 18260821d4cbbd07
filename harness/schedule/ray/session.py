"""A session on a Ray cluster, joined or started here; the output of Ray goes to a file."""

import contextlib
import gc
import io
import json
import logging
import os
import secrets
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from harness.schedule.ray.nodes import Node, alive_nodes, survey
from harness.specs import from_dict
from harness.utils import children, files
from harness.utils.redaction import hide_known_in_file

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
def connect(address: str | None) -> Iterator[list[Node]]:
    """Join a cluster, or start a local one, and leave it at the end; yields its nodes.

    Raises:
        ValueError: If the cluster cannot be joined.
    """
    # Ray reads these when it is imported.
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    children.isolate()
    _name_home()
    import ray

    try:
        _join(address)
        yield alive_nodes()
    except BaseException as error:
        _clear_frames(error)
        raise
    finally:
        gc.collect()
        with _no_garbage_collection():
            ray.shutdown()


def _name_home() -> None:
    """Name a home folder for a user without one: Ray names files below it, and writes none."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = os.devnull


def _clear_frames(error: BaseException | None) -> None:
    """Forget the variables in the frames of an error: objects of Ray are freed before it ends."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep threads from freeing Ray's objects, which kills the process while Ray shuts down."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _join(address: str | None) -> None:
    import ray

    if address is None:
        _create_token_file()
    try:
        # Ray puts the folder in which it is started first on the import path of its workers.
        with contextlib.chdir(sys.prefix):
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


def _create_token_file() -> None:
    """Create the token file before Ray does, which would make it readable for every user.

    Without a home folder, the token of this run lies in the environment of its processes alone.
    """
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return
    path = home_token_path()
    if path is None:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        return
    if not path.exists():
        files.make_folder(path.parent)
        path.touch(mode=0o600)


def home_token_path() -> Path | None:
    """Return where Ray keeps its token; None without a home folder that can be written."""
    try:
        path = Path.home() / ".ray" / "auth_token"
        folder = next(parent for parent in path.parents if parent.exists())
        return path if path.exists() or os.access(folder, os.W_OK | os.X_OK) else None
    except (OSError, RuntimeError):
        return None


@contextlib.contextmanager
def redirect_output(path: Path) -> Iterator[None]:
    """Append Ray's output to a file: all of standard error, and Python's standard output.

    A console that was made before keeps its standard output, and so goes on showing progress.
    """
    sys.stderr.flush()
    before = os.dup(2)
    with (
        files.open_to_append(path, below=path.parents[1]) as log,
        io.TextIOWrapper(log, encoding="utf-8", write_through=True) as file,
        contextlib.redirect_stdout(file),
    ):
        start = os.fstat(file.fileno()).st_size
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            hide_known_in_file(path, start=start)


def main() -> None:
    """Print a survey as JSON, for `harness.schedule.doctor`.

    This is a separate process because Ray prints a lot, and ends a process that it refuses.
    """
    arguments = json.loads(sys.argv[1])
    results, data = Path(arguments["results"]), Path(arguments["data"])
    loaded = [from_dict(trial) for trial in arguments["loaded"]]
    try:
        with connect(arguments["address"]) as nodes:
            result = survey(results, data, loaded, nodes)
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.write(f"\n{json.dumps(asdict(result))}\n")
