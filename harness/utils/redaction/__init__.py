"""Redaction: text without secrets and, where others read it, without paths of this machine.

What is known to be secret is hidden wherever it stands: values of the environment whose names say
so, and users and passwords of addresses. Patterns find the rest. Time grows with the length of the
text, whatever it holds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.utils.redaction.assignments import hide_assigned
from harness.utils.redaction.known import known_secrets
from harness.utils.redaction.paths import hide_paths
from harness.utils.redaction.userinfo import HIDDEN, hide_userinfo


def redact(text: str, *addresses: str) -> str:
    """Hide secrets in a text.

    Args:
        text: Anything that is to be shown, written or sent.
        addresses: Whose users and passwords are secret too, besides those of the environment.
    """
    return hide_assigned(hide_userinfo(hide_known(text, *addresses)))


def redact_for_others(text: str, *folders: Path) -> str:
    """Hide secrets and shorten paths in a text that other people read.

    Args:
        text: Such as the reason of a failure.
        folders: Known ones, whose names may hold blanks.
    """
    return hide_paths(redact(text), *folders)


def hide_known(text: str, *addresses: str) -> str:
    """Hide only what is known to be secret, in text whose form matters, such as a file name."""
    return _hide(text, known_secrets(addresses))


def hide_known_values(body: Any, *addresses: str) -> Any:
    """Hide known secrets in every text of a JSON value but its keys; its form stays."""
    return _hide_values(body, known_secrets(addresses))


def _hide_values(body: Any, secrets: Sequence[str]) -> Any:
    if isinstance(body, str):
        return _hide(body, secrets)
    if isinstance(body, Mapping):
        return {name: _hide_values(value, secrets) for name, value in body.items()}
    if isinstance(body, list | tuple):
        return [_hide_values(value, secrets) for value in body]
    return body


def _hide(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def hide_known_in_file(path: Path, *, start: int) -> None:
    """Overwrite known secrets in a log from a byte on; others may go on appending to it."""
    with path.open("r+b") as file:
        file.seek(start)
        before = content = file.read()
        for secret in (secret.encode(errors="surrogateescape") for secret in known_secrets()):
            content = content.replace(secret, b"*" * len(secret))
        if content != before:
            file.seek(start)
            file.write(content)


def contains_known(content: bytes) -> bool:
    """Return whether a file holds a known secret."""
    return any(secret.encode(errors="surrogateescape") in content for secret in known_secrets())
