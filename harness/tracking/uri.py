"""The store's address, its environment and its connection."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from filelock import FileLock

from harness.utils import atomic
from harness.utils.files import make_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # a locked database is an ERROR with a long trace
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
RETRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1"}
_LOCK_TIMEOUT_S = 120.0
_SQLITE, _ENCODED = "sqlite:///", "sqlite+pysqlite:///"


def store_uri(results: Path) -> str:
    """Return the store's address: MLFLOW_TRACKING_URI, else one SQLite file under `results`."""
    default = results.resolve() / "mlflow" / "mlflow.db"
    return os.environ.get("MLFLOW_TRACKING_URI") or _file_uri(default)


def _file_uri(path: Path) -> str:
    """Return the address of a SQLite file.

    SQLAlchemy decodes a path, and a `?` would end it. MLflow makes the folder of a `sqlite:` path
    that it does not decode, so one that must be encoded names its driver.
    """
    plain = str(path)
    if "?" not in plain and unquote(plain) == plain:
        return _SQLITE + plain
    return _ENCODED + plain.replace("%", "%25").replace("?", "%3F")


def store_file(uri: str) -> Path | None:
    """Return the file of a SQLite store; None for any other store."""
    is_file = uri.startswith((_SQLITE, _ENCODED)) and "?" not in uri
    return Path(unquote(uri.partition(":///")[2])) if is_file else None


def is_server(uri: str) -> bool:
    """Return whether a store is behind a server, which then handles artifacts too."""
    return uri.startswith(("http:", "https:"))


def artifact_root(results: Path) -> str:
    """Return the address of the artifacts of a store without a server."""
    return (results / "mlflow" / "artifacts").resolve().as_uri()


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Lock a file store while it, or something in it, is created: MLflow loses this race."""
    path = store_file(uri)
    if path is None:
        yield
        return
    make_folder(path.parent)
    with FileLock(f"{path}.lock", timeout=_LOCK_TIMEOUT_S):
        yield


def connect(uri: str) -> "MlflowClient":
    """Import MLflow, which takes seconds, and open a store; a file store is created if missing."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    with store_lock(uri):
        if path := store_file(uri):
            if path.is_symlink():
                raise ValueError(f"{path} is a link; name the file to which it leads")
            _create_if_missing(path)
            path.open("r+b").close()  # MLflow would retry a file that it may not write for 102 s
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


def _create_if_missing(path: Path) -> None:
    from mlflow import MlflowClient

    if path.exists():
        return
    # Created aside: a process killed in the middle would leave a store that never opens again.
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    MlflowClient(_file_uri(aside)).search_experiments(max_results=1)
    atomic.replace_synced(aside, path)


@contextmanager
def retry_requests() -> Iterator[None]:
    """Retry failed requests to a server inside the block; only a person waits for it."""
    before = dict(os.environ)
    os.environ.update(RETRIES)
    try:
        yield
    finally:
        for name in RETRIES:
            os.environ.pop(name)
        os.environ.update({name: before[name] for name in RETRIES if name in before})
