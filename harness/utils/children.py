"""Child processes of Python, which import from known folders and never from the current one.

A folder of somebody else may hold a `uuid.py`. `python -c`, `python -m` and an empty entry in
PYTHONPATH would run it. This module itself uses only what Python has imported before its start.
"""

import os
import sys

_ROOT = os.path.abspath(f"{__file__}/../../..")  # noqa: PTH100
_INSTALLED = ("site-packages", "dist-packages")


def command(*words: str) -> list[str]:
    """Return the command of a child that runs Python with these arguments."""
    return [sys.executable, "-P", *words]


def environment() -> dict[str, str]:
    """Return the environment of such a child; its own children inherit the isolation."""
    return os.environ | settings()


def settings() -> dict[str, str]:
    """Return the variables that isolate Python: an explicit import path, without relative entries.

    A checkout that is not installed is on the path, since children import it too.
    """
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in entries if os.path.isabs(entry) and entry != _ROOT]  # noqa: PTH117
    root = [] if os.path.basename(_ROOT) in _INSTALLED else [_ROOT]  # noqa: PTH119
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join([*root, *kept])}


def isolate() -> None:
    """Isolate every child that this process starts from now on, by whatever library."""
    os.environ.update(settings())


def forget_current_folder() -> None:
    """Import nothing more from the current folder, unless the harness or its libraries lie there.

    `python -m harness` has put it first on the path.
    """
    try:
        current = os.getcwd()  # noqa: PTH109
    except OSError:
        return
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if current == _ROOT or current in named or os.path.basename(current) in _INSTALLED:  # noqa: PTH119
        return
    sys.path[:] = [entry for entry in sys.path if entry not in ("", ".", current)]
