"""Facts about one node: versions, data folder, video decoding. Does not import Ray."""

import hashlib
import importlib.metadata
import json
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import data
from harness.provenance import code
from harness.specs import Trial

_LIBRARIES = ("torch", "ray", "av")
_TIMED_VIDEOS = 20
_TINY_SHAPE = (8, 48, 64, 3)
_DIGITS = 12
NodeFacts = Mapping[str, Any]  # of one node; `error` says why there are none


def describe_node(root: Path) -> NodeFacts:
    """Return the versions on this node, and the names in its data folder: None if it has none."""
    names = sorted(path.name for path in root.iterdir()) if root.is_dir() else None
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


def loaded_trials(trials: Sequence[Trial], root: Path) -> list[Trial]:
    """Return a trial for each data set that was checked, to measure its loader; none generated."""
    by_name = {trial.data.name: trial for trial in trials}
    return [
        trial
        for name, trial in sorted(by_name.items())
        if name not in data.GENERATED and data.passport_path(name, root).is_file()
    ]


def loader_rates(trials: Sequence[Trial], root: Path) -> NodeFacts:
    """Read training videos as a loader process does; return videos per second by data set."""
    return {trial.data.name: _loader_rate(trial, root) for trial in trials}


def _loader_rate(trial: Trial, root: Path) -> float:
    from harness.data.dataset import ClipDataset, ClipRequest
    from harness.data.reading.frame_cache import FrameCache

    videos = data.read_checked_passport(trial.data.name, root).splits["train"]
    chosen = videos[:: max(len(videos) // _TIMED_VIDEOS, 1)][:_TIMED_VIDEOS]
    clips = ClipDataset(trial.data, seed=trial.seed, cache=FrameCache(0))
    start = time.monotonic()
    for index, video in enumerate(chosen):
        clips[ClipRequest(video=video, video_index=index)]
    return len(chosen) / (time.monotonic() - start)
