"""Where the store of runs is, how it is opened, and what it may raise."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # a locked database is an ERROR with a long trace
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

PATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1"}

_RACED = ("already exists", "IntegrityError", "UniqueViolation")
_T = TypeVar("_T")


class TrackingError(RuntimeError):
    """The store of runs does not do what it is asked."""


def store_uri(results: Path) -> str:
    """Return where runs go: MLFLOW_TRACKING_URI, else one SQLite file under `results`."""
    default = f"sqlite:///{results.resolve() / 'mlflow' / 'mlflow.db'}"
    return os.environ.get("MLFLOW_TRACKING_URI") or default


def store_file(uri: str) -> Path | None:
    """Return the file of a store that is one."""
    plain = uri.startswith("sqlite:///") and "?" not in uri
    return Path(uri.removeprefix("sqlite:///")) if plain else None


def is_server(uri: str) -> bool:
    """Say whether a store is behind a server, which then takes care of artifacts too."""
    return uri.startswith(("http:", "https:"))


def artifacts(results: Path) -> str:
    """Return where the artifacts of a store without a server lie."""
    return (results / "mlflow" / "artifacts").resolve().as_uri()


def connect(uri: str) -> "MlflowClient":
    """Import MLflow, which takes seconds, and open a store, which may have to be made."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    path = store_file(uri)
    if path is not None and not path.exists():
        # Made aside: a process killed in the middle would leave a store that never opens again.
        aside = path.with_name(f".{path.name}.new")
        aside.unlink(missing_ok=True)
        MlflowClient(f"sqlite:///{aside}").search_experiments(max_results=1)
        aside.replace(path)
    if path is not None:
        path.open("r+b").close()  # MLflow would try a file that it may not write for 102 s
    client = MlflowClient(uri)
    client.search_experiments(max_results=1)
    return client


@contextmanager
def patient() -> Iterator[None]:
    """Have failed calls of a server tried again, where nobody waits but a person."""
    before = dict(os.environ)
    os.environ.update(PATIENT)
    try:
        yield
    finally:
        for name in PATIENT:
            os.environ.pop(name)
        os.environ.update({name: before[name] for name in PATIENT if name in before})


def redact(text: str) -> str:
    """Hide users, passwords and tokens in an address or a message."""
    text = re.sub(r"(\w[\w+.-]*://)?[^\s'\"]*@", r"\1***@", text)
    return re.sub(r"(?i)((?:passw(?:or)?d|token|secret|access_key)\w*=)[^&\s'\"]+", r"\1***", text)


def troubles() -> tuple[type[Exception], ...]:
    """List what a store may raise; anything else is a bug of ours and must be seen."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # The driver of a database is a package of its own, which may not be installed.
    return MlflowException, SQLAlchemyError, CommandError, ImportError, OSError, ValueError


def again_if_raced(action: Callable[[], _T]) -> _T:
    """Do again what failed because another process made the same thing at the same moment."""
    from mlflow.exceptions import MlflowException

    try:
        return action()
    except MlflowException as error:
        if not any(word in str(error) for word in _RACED):
            raise
    return action()


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn troubles into one sentence; what they were raised from may hold a password."""
    try:
        yield
    except troubles() as error:
        raise TrackingError(explain(uri, error)) from None


def explain(uri: str, error: Exception) -> str:
    """Say in one sentence what a store did, without what it should not tell."""
    lines = redact(str(error)).splitlines() or [""]
    return f"MLflow at {redact(uri)} failed: {type(error).__name__}: {lines[0][:200]}"
