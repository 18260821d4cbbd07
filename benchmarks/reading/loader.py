"""Measure the loader: the share of decoding in a training read, and what a process of it holds."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from torch import Tensor

from benchmarks.child import in_child
from benchmarks.reading.cases import SPEC, Clip, Duel
from harness.data import loader, sampling
from harness.data.dataset import ClipDataset, ClipRequest
from harness.data.loader import Loader
from harness.data.reading import packet_index
from harness.data.reading.container import use_one_thread
from harness.data.reading.frame_cache import FrameCache
from harness.data.reading.packet_index import Packet, PacketTable
from harness.data.video import Video
from harness.data.workers import Workers
from harness.runtime import Runtime

MOST_MB = 80.0
_LEAST_SHARE = 0.85
_BATCH_VIDEOS = 8
_BATCHES = 3


def duel() -> Duel:
    """Compare decoding what a training view needs with all that a loader does for it."""
    return Duel(
        what="file to training part, 4 x 4 frames, 224 px",
        other="decoding alone",
        theirs=_decode,
        ours="indexed, loader",
        mine=_part,
        target=10,
        least=_LEAST_SHARE,
    )


def _key(clip: Clip) -> ClipRequest:
    """Return a training view of a clip, another one for each of its draws."""
    video = Video(id="0", path=clip.path, labels=(0,), frames=len(clip.known.pts))
    return ClipRequest(video, 0, epoch=int(clip.train.sum()))


def _part(clip: Clip) -> Sequence[Tensor]:
    """Read, convert, crop and stack, as a loader process does that read the file before."""
    (part,) = _workers().chunks([[_key(clip)]])
    return [item for item in part if isinstance(item, Tensor)]


@cache
def _workers() -> Workers:
    clips = ClipDataset(SPEC, seed=0, cache=FrameCache(Runtime.cache_mb))
    return Workers(clips, Runtime(results=Path(), data=Path()))


def _decode(clip: Clip) -> Sequence[Tensor]:
    """Decode the frames of the same view, all else being ready."""
    key = _key(clip)
    rng = np.random.default_rng((0, key.epoch, key.video_index))
    wanted = sampling.train_frames(key.video.frames, SPEC, rng)
    shown = np.argsort(clip.known.pts)
    sent = _packets(clip.path, clip.known)
    context = av.CodecContext.create("h264", "r")
    context.extradata = clip.known.header
    use_one_thread(context)
    for run in packet_index.packet_runs(clip.known, set(shown[np.unique(wanted)].tolist())):
        for number in [*run, None]:
            context.decode(None if number is None else sent[number])
        context.flush_buffers()
    return []


@cache
def _packets(path: Path, known: PacketTable) -> list[Packet]:
    """Read all packets of a file, once."""
    content = path.read_bytes()
    made = []
    for start, size, stamp in zip(known.positions, known.sizes, known.pts, strict=True):
        made.append(Packet(content[start : start + size]))
        made[-1].pts = stamp
    return made


def memory(clips: list[Clip]) -> dict[str, Any]:
    """Measure the private memory of a loader process that reads clips for training."""
    row = {
        "what": "private memory of a loader process",
        "other": f"{MOST_MB:.0f} MB",
        "target": 11,
        "least": 1.0,
        "missed": False,
    }
    paths, frames = [clip.path for clip in clips], len(clips[0].known.pts)
    # In a new process: pages that this one changes after a fork become the child's own.
    found = in_child(partial(private_mb, paths, frames=frames))
    if found is None:
        return row | {"ours": "/proc/PID/smaps_rollup", "not_installed": "smaps_rollup"}
    ratio = MOST_MB / found
    return row | {
        "ours": f"{found:.0f} MB",
        "ratio": ratio,
        "quartiles": (ratio, ratio),
        "missed": ratio < 1,
    }


def private_mb(paths: Sequence[Path], *, frames: int) -> float | None:
    """Return the most that a loader process held alone, in 10⁶ bytes; None where Linux is not."""
    listed = [
        Video(id=str(number), path=paths[number % len(paths)], labels=(0,), frames=frames)
        for number in range(_BATCHES * _BATCH_VIDEOS)
    ]
    runtime = Runtime(results=Path(), data=Path(), workers=1)
    workers = loader.start_workers(SPEC, batch_videos=_BATCH_VIDEOS, seed=0, runtime=runtime)
    source = Path(f"/proc/{workers.processes[0].pid}/smaps_rollup")
    if not source.is_file():
        return None
    train = Loader(listed, workers, batch_videos=_BATCH_VIDEOS)
    return max(_private(source.read_text()) for epoch in range(2) for _ in train.epoch(epoch))


def _private(text: str) -> float:
    rows = [line.split() for line in text.splitlines() if line.startswith("Private_")]
    return sum(int(size) for name, size, *_ in rows if "Hugetlb" not in name) * 1024 / 1e6
