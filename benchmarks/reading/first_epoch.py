"""The first read of a file by a process, with the packet index of its data set and without."""

import base64
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from torch import Tensor

from benchmarks.reading.cases import Clip, Duel
from benchmarks.reading.videos import Kind
from harness.data.passport import file_sha256
from harness.data.prepare import packet_notes
from harness.data.reading import packet_file
from harness.data.reading.frame_cache import FrameCache
from harness.data.reading.packet_file import PacketFile
from harness.data.video import Video
from harness.runtime import Runtime

_COUNTERS = Path("/proc/self/io")
_DIGEST = "0" * 64


def duels(kind: Kind, *, has_copies: bool) -> list[Duel]:
    """List the comparisons for one kind of video, and for its training copies."""
    forms = {kind.name: _original} | ({f"{kind.name}, training copy": _copy} if has_copies else {})
    return [
        Duel(
            what=f"first read of 4 x 4 frames by a process, {name}",
            other="without a packet index",
            theirs=partial(_read, path_of, False),
            ours="with it",
            mine=partial(_read, path_of, True),
            counts_reads=True,
        )
        for name, path_of in forms.items()
    ]


def reads(duel: Duel, clips: Sequence[Clip]) -> list[tuple[float, float]]:
    """Return how often a video is read from, and the kilobytes, without the index and with it."""
    counts = []
    for read in (duel.theirs, duel.mine):
        read(clips[0])
        before = _counted()
        for clip in clips:
            read(clip)
        calls, size = (now - then for now, then in zip(_counted(), before, strict=True))
        counts.append((calls / len(clips), size / len(clips) / 1e3))
    return counts


def _counted() -> tuple[int, int]:
    """Return the read calls and the bytes read by this process; 0 where Linux does not say."""
    if not _COUNTERS.is_file():
        return 0, 0
    lines = dict(line.split(": ") for line in _COUNTERS.read_text().splitlines())
    return int(lines["syscr"]), int(lines["rchar"])


def _original(clip: Clip) -> Path:
    return clip.path


def _copy(clip: Clip) -> Path:
    assert clip.forms
    return clip.forms.copy


def _read(path_of: Callable[[Clip], Path], is_indexed: bool, clip: Clip) -> Sequence[Tensor]:
    """Read as a loader process that has just been forked."""
    path = path_of(clip)
    video = Video(id="0", path=path, labels=(0,), sha256=_sha256(path), frames=len(clip.known.pts))
    cache = FrameCache(Runtime.cache_mb, index=_index(path) if is_indexed else None)
    return [cache.read(video, clip.train.ravel())]


@cache
def _sha256(path: Path) -> str:
    return file_sha256(path)


@cache
def _index(path: Path) -> PacketFile:
    """Write and open a packet index of one file."""
    entry = packet_notes.read_entry(path)
    assert entry is not None
    place = path.with_suffix(f"{path.suffix}.json")
    packet_file.write(place, _DIGEST, {_sha256(path): base64.b64decode(entry)})
    index = packet_file.find(place, _DIGEST)
    assert index is not None
    return index
