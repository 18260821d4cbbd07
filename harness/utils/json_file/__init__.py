"""JSON files that somebody else may have written: bounded, checked against a schema, or refused."""

import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from harness.utils import files
from harness.utils.json_file import schema

_LOG = logging.getLogger(__name__)
MAX_BYTES = 16 * 2**20
MAX_DEPTH = 100
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_NOT_OPENING = bytes(set(range(256)) - set(b"[{"))
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))


class BadFileError(ValueError):
    """A file that is not what its name promises; the sentence begins with its path."""


def read(path: Path, name: str, *, max_bytes: int = MAX_BYTES) -> Any:
    """Return the content of a JSON file.

    Args:
        path: The file.
        name: Of a schema in `harness/schemas`.
        max_bytes: Size of the largest file that is read.

    Raises:
        FileNotFoundError: If there is no such file.
        BadFileError: If it is no regular file, too large, not JSON, or not as the schema says.
    """
    content = read_bytes(path, max_bytes=max_bytes)
    try:
        return parse(content, name)
    except ValueError as error:
        raise BadFileError(f"{path} is damaged: {error}") from None


def find(path: Path, name: str, *, max_bytes: int = MAX_BYTES) -> Any:
    """Return the content of a JSON file as `read` does; None without a file, or with a bad one.

    It warns of a bad one.
    """
    try:
        return read(path, name, max_bytes=max_bytes)
    except FileNotFoundError:
        return None
    except BadFileError as error:
        _LOG.warning("%s; it is passed over", error)
        return None


def list_files(folder: Path) -> list[Path]:
    """Return the JSON files of a folder by name; neither hidden ones nor any without a folder."""
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in os.scandir(folder))
    return [folder / name for name in names if name.endswith(".json") and name[0] != "."]


def read_bytes(path: Path, *, max_bytes: int) -> bytes:
    """Return the content of a regular file; follows no link, and waits for no pipe.

    Raises:
        FileNotFoundError: If there is no such file.
        BadFileError: If it is of another kind, too large, or cannot be read.
    """
    try:
        with os.fdopen(files.open_regular(path, os.O_RDONLY), "rb") as file:
            # A file that grows meanwhile is too long or cut, and refused for that.
            content = file.read(min(os.fstat(file.fileno()).st_size, max_bytes) + 1)
    except FileNotFoundError:
        raise
    except ValueError as error:
        raise BadFileError(str(error)) from None
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > max_bytes:
        raise BadFileError(f"{path} is larger than {max_bytes:,} bytes")
    return content


def parse(content: bytes, name: str, *, any_text: bool = False) -> Any:
    """Return JSON that follows a schema.

    Args:
        content: Of the file.
        name: Of the schema.
        any_text: Allow text that UTF-8 cannot write, as some names of files are.

    Raises:
        ValueError: Otherwise, with the place and the fault.
    """
    body = loads(content, any_text=any_text)
    schema.check(body, name)
    return body


def loads(content: bytes, *, any_text: bool = False) -> Any:
    """Return JSON of any form: UTF-8, without NaN, and no deeper than `MAX_DEPTH`.

    Args:
        content: Of the file.
        any_text: Allow escapes of characters that UTF-8 cannot write.

    Raises:
        ValueError: Otherwise, with the fault.
    """
    if _depth(content) > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    try:
        body = json.loads(content.decode("utf-8"), parse_constant=_refuse)
        if not any_text and (b"\\ud" in content or b"\\uD" in content):
            json.dumps(body, ensure_ascii=False).encode()  # half a pair cannot be written
    except UnicodeError as error:
        raise ValueError(f"it is not UTF-8: {error.reason}") from None  # type: ignore[attr-defined]
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from None
    return body


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is not JSON")


def _depth(content: bytes) -> int:
    """Return how deep JSON is nested; no more than the limit if it has few brackets at all."""
    if len(content.translate(None, _NOT_OPENING)) <= MAX_DEPTH:
        return MAX_DEPTH
    if b"\\" in content:
        content = _ESCAPE.sub(b"", content)
    outside = b"".join(content.split(b'"')[::2])
    depth = deepest = 0
    for sign in outside.translate(None, _NOT_BRACKETS):
        depth += 1 if sign in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
