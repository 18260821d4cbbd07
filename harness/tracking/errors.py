"""Store failures: one sentence each, without passwords."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from typing import TypeVar

from harness.runtime import default_results
from harness.utils.redaction import redact

_RACE_MESSAGES = (
    "already exists",
    "IntegrityError",
    "UniqueViolation",
    "No Experiment with id",  # that is still deleted: it was just restored
)
_LOST_CONNECTIONS = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
_TITLES = {
    "tensorboard": "TensorBoard",
    "wandb": "Weights & Biases",
}  # by the scheme of an address; all others are MLflow's
_T = TypeVar("_T")


class TrackingError(RuntimeError):
    """A failure of the store of runs, as one sentence."""


def title_of(address: str) -> str:
    """Return the name of the software behind an address."""
    return _TITLES.get(address.partition(":")[0], "MLflow")


def sync_command(address: str, results: Path) -> str:
    """Return the command that sends what an address lacks of a results folder."""
    kind, _, place = address.partition(":")
    words = ["harness", "sync", *((f"--{kind}", redact(place)) if kind in _TITLES else ())]
    if results.resolve() != default_results().resolve():
        words += ["--results", redact(str(results))]
    return join(words)


def describe_error(uri: str, error: Exception) -> str:
    """Return one sentence on a failure of the store, with secrets hidden."""
    reason = _reason(error)
    lines = redact(str(reason), uri).splitlines() or [""]
    return f"{title_of(uri)} at {redact(uri)} failed: {type(reason).__name__}: {lines[0][:200]}"


def store_errors() -> tuple[type[Exception], ...]:
    """List the exceptions that a store may raise; any other is a bug of ours and must be seen."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # The driver of a database is a package of its own, which may not be installed.
    return MlflowException, SQLAlchemyError, CommandError, ImportError, OSError, ValueError


@contextmanager
def translate_errors(uri: str) -> Iterator[None]:
    """Raise store failures as `TrackingError`, unchained: the original may hold a password."""
    try:
        yield
    except store_errors() as error:
        raise TrackingError(describe_error(uri, error)) from None


def retry_on_race(action: Callable[[], _T]) -> _T:
    """Run an action; run it again if another process just created or restored the same thing."""
    from mlflow.exceptions import MlflowException

    try:
        return action()
    except MlflowException as error:
        if not any(message in str(error) for message in _RACE_MESSAGES):
            raise
    return action()


def retry_if_disconnected(action: Callable[[], None]) -> None:
    """Run an action; run it again if its connection was closed in place of a response.

    A server closes a connection that was idle for some seconds, when the next request may be under
    way. Whether that arrived is not known: the action must be one that may be repeated.
    """
    try:
        return action()
    except store_errors() as error:
        if not any(isinstance(link, _LOST_CONNECTIONS) for link in _chain(error)):
            raise
    return action()


def _reason(error: Exception) -> BaseException:
    """Return what says why: a failed request is wrapped several times, and names its cause last."""
    from requests import RequestException

    chain = list(_chain(error))
    return chain[-1] if any(isinstance(link, RequestException) for link in chain) else error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, then each that was being handled when the one before was raised."""
    while error is not None:
        yield error
        error = error.__context__
