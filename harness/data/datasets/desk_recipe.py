"""The recipe of the desk videos, and the folder named after its hash."""

import hashlib
import json
from typing import Any

from harness import source
from harness.specs import DataSpec

DESK = "desk"
_DIGITS = 12


def _recipe(data: DataSpec) -> dict[str, Any]:
    """Return what the desk videos depend on, as `harness.data.datasets.desk` names it."""
    given = source.defaults("data.datasets.desk", "videos") | dict(data.options)
    given.pop("progress", None)
    renamed = {"train": given.pop("train_videos"), "test": given.pop("test_videos")}
    return given | renamed | {"design": source.constant("data.datasets.desk", "DESIGN")}


def _folder(data: DataSpec) -> str:
    canonical = json.dumps(_recipe(data), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGITS]
