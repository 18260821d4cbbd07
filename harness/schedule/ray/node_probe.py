"""What a node answers when it is asked about itself; knows nothing of Ray."""

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.provenance import code

_LIBRARIES = ("torch", "ray", "av")
_TINY = (8, 48, 64, 3)
_DIGITS = 12
Answer = Mapping[str, Any]


def look(data: Path) -> Answer:
    """Return the versions on this node, and what its data folder holds: None if it has none."""
    names = sorted(each.name for each in data.iterdir()) if data.is_dir() else None
    return {"versions": _versions(), "data": names}


def _versions() -> dict[str, str]:
    """Return what must be equal everywhere, the code of trials included."""
    definitions = json.dumps(code.all_hashes(), sort_keys=True)
    installed = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    digest = hashlib.sha256(definitions.encode()).hexdigest()[:_DIGITS]
    return {"python": platform.python_version(), **installed, "harness": digest}


def decode() -> Answer:
    """Make a tiny mp4 on this node and decode it, as trials do."""
    import numpy as np

    from harness.data.datasets import desk
    from harness.data.reading.decode import read_frames

    with TemporaryDirectory() as folder:
        path = Path(folder, "tiny.mp4")
        desk.write_mp4(path, np.zeros(_TINY, dtype=np.uint8))
        found = tuple(read_frames(path).shape)
    return {} if found == _TINY else {"error": f"{found} came back of {_TINY}"}
