"""A results folder before a run: what killed runs left is swept, and what is no record set aside.

Every function here belongs under the lock of the folder.
"""

import os
from pathlib import Path

from harness import record
from harness.utils import atomic


def sweep(results: Path) -> None:
    """Delete pieces of interrupted writes, and scores that a later run of a trial replaced."""
    atomic.sweep(results)
    folder = results / "records"
    for recorded in record.read_all(results):
        own = record.scores_path(results, recorded)
        if own.exists():
            for path in folder.glob(f"{recorded.key}*.npz"):
                if path != own:
                    path.unlink()


def set_aside(results: Path, key: str) -> None:
    """Rename a file that bears the name of a record and is none, so that its trial can run."""
    path = results / "records" / f"{key}.json"
    if os.path.lexists(path) and record.find(results, key) is None:
        names = (path.with_name(f"{path.name}.set-aside-{number}") for number in range(1, 1_000))
        path.rename(next(name for name in names if not os.path.lexists(name)))
