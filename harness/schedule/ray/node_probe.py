"""Facts about one node: versions, data folder, video decoding. Does not import Ray."""

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
_TINY_SHAPE = (8, 48, 64, 3)
_DIGITS = 12
NodeFacts = Mapping[str, Any]  # of one node; `error` says why there are none


def describe_node(data: Path) -> NodeFacts:
    """Return the versions on this node, and the names in its data folder: None if it has none."""
    names = sorted(path.name for path in data.iterdir()) if data.is_dir() else None
    return {"versions": _versions(), "data": names}


def _versions() -> dict[str, str]:
    """Return the versions that all nodes must share, including a hash of the code of trials."""
    definitions = json.dumps(code.all_hashes(), sort_keys=True)
    libraries = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    digest = hashlib.sha256(definitions.encode()).hexdigest()[:_DIGITS]
    return {"python": platform.python_version(), **libraries, "harness": digest}


def check_decoder() -> NodeFacts:
    """Encode a tiny mp4 on this node and decode it, as trials do."""
    import numpy as np

    from harness.data.datasets import desk
    from harness.data.reading.decode import read_frames

    with TemporaryDirectory() as folder:
        path = Path(folder, "tiny.mp4")
        desk.write_mp4(path, np.zeros(_TINY_SHAPE, dtype=np.uint8))
        shape = tuple(read_frames(path).shape)
    return {} if shape == _TINY_SHAPE else {"error": f"decoded {shape} instead of {_TINY_SHAPE}"}
