"""A package `wandb` that writes its calls down, for tests without the real one."""

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
_ROOT = FOLDER.parents[2]


def install(monkeypatch: pytest.MonkeyPatch, *, key: str) -> None:
    """Put the fake before a real wandb, here and in child processes, with a key to log in."""
    monkeypatch.setitem(sys.modules, "wandb", None)  # so that the end of the test restores this
    del sys.modules["wandb"]
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER), str(_ROOT)]))
    for name in ("WANDB_MODE", "WANDB_DIR", "WANDB_ENTITY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_API_KEY", key)
