"""The door to a store: no known secret and no path of this machine leaves by it."""

from collections.abc import Mapping
from pathlib import Path

from harness.tracking.errors import TrackingError
from harness.utils.redaction import contains_known, hide_known_values, redact, redact_for_others


def clean(values: Mapping[str, str], uri: str) -> dict[str, str]:
    """Return tags or parameters without known secrets."""
    return dict(hide_known_values(values, uri))


def clean_reason(reason: str, uri: str, results: Path) -> str:
    """Return why a trial failed, without secrets and without paths of this machine."""
    return redact_for_others(redact(reason, uri), results)


def check_file(path: Path) -> str:
    """Return the path of a file that may be sent.

    Raises:
        TrackingError: If the file holds a secret.
    """
    if contains_known(path.read_bytes()):
        raise TrackingError(
            f"{path} holds a password or token of this environment and was not sent; "
            "remove it there, or unset that variable"
        )
    return str(path)
