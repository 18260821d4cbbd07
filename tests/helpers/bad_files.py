"""Files that are no records, each in the place of one."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import record

Body = dict[str, Any]


def sealed(body: Body) -> bytes:
    """Return a record's file with a checksum that fits, as anybody can compute it."""
    body = {name: value for name, value in body.items() if name != "checksum"}
    checksum = record._checksum(body)
    return json.dumps(body | {"checksum": checksum}).encode()


def rekeyed(body: Body) -> Body:
    """Return a body whose key is that of its trial, as an attacker would write it."""
    return body | {"key": record.key_of(body["trial"], body["passport"])}


def _with(*place: str | int, value: Any) -> Callable[[Body], bytes]:
    def make(body: Body) -> bytes:
        target: Any = body
        for name in place[:-1]:
            target = target[name]
        target[place[-1]] = value
        return sealed(body)

    return make


def _without(*place: str | int) -> Callable[[Body], bytes]:
    def make(body: Body) -> bytes:
        target: Any = body
        for name in place[:-1]:
            target = target[name]
        del target[place[-1]]
        return sealed(body)

    return make


def _nested(depth: int) -> Callable[[Body], bytes]:
    return lambda _: b'{"key": ' + b"[" * depth + b"]" * depth + b"}"


CONTENTS: dict[str, Callable[[Body], bytes]] = {
    "nothing": lambda _: b"",
    "cut": lambda body: sealed(body)[:200],
    "a list": lambda _: b"[]",
    "null": lambda _: b"null",
    "a number": lambda _: b"7",
    "not UTF-8": lambda body: sealed(body).replace(b"p", b"\xff", 1),
    "half a pair": lambda body: sealed(body).replace(b"a processor", b"\\ud800"),
    "NaN": lambda body: sealed(body).replace(b"0.5", b"NaN"),
    "Infinity": lambda body: sealed(body).replace(b"0.5", b"-Infinity"),
    "a huge number": lambda body: sealed(body).replace(b"0.5", b"1e999"),
    "a long number": lambda body: sealed(body).replace(b"0.5", b"9" * 5_000),
    "nested 200": _nested(200),
    "nested 100,000": _nested(100_000),
    "deep in a string": lambda _: b'{"a": "\\\\", "b": ' + b"[" * 500 + b'"' + b"]" * 500 + b'"}',
    "huge": lambda _: b'"' + b"x" * (record.MAX_BYTES + 1) + b'"',
    "no checksum": lambda body: json.dumps(body | {"checksum": None}).encode(),
    "no trial": _without("trial"),
    "no seed": _without("trial", "seed"),
    "no average": _without("trial", "evaluation", "average"),
    "no history": _with("history", value=[]),
    "no loss": _without("history", 0, "loss"),
    "no libraries": _without("provenance", "libraries"),
    "no top-1": _without("metrics", "top1"),
    "another layout": _with("format", value=3),
    "a foreign field": _with("colour", value="red"),
    "a text as seconds": _with("seconds", value="3"),
    "true as seconds": _with("seconds", value=True),
    "null as code": _with("code", value=None),
    "a list as provenance": _with("provenance", value=[]),
    "a seed that is a path": _with("trial", "seed", value="../0"),
    "a scale of its own": _with("trial", "scale", value="moon"),
    "top-1 of 999": _with("metrics", "top1", value=999.0),
    "no videos": _with("metrics", "videos", value=0),
    "a hash that is a path": _with("scores_sha256", value="../../x"),
    "a passport that is a path": _with("passport", value="../x"),
    "a key that is a path": _with("key", value="../../.docker/config"),
    "a foreign key": _with("key", value="0" * 20),
    "a key in capitals": lambda body: sealed(body | {"key": body["key"].upper()}),
    "another trial": _with("trial", "train", "lr", value=7.0),
    "another passport": _with("passport", value="q"),
}


def _directory(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_text("SECRET")
    path.symlink_to(target)


def _dangling(path: Path) -> None:
    path.symlink_to("/nonexistent/file")


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS: dict[str, Callable[[Path], None]] = {
    "a directory": _directory,
    "a pipe": _pipe,
    "a link": _link,
    "a dangling link": _dangling,
    "a device": _device,
}
