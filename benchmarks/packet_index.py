"""A packet index of any number of videos, and what a process takes to read by it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import made_data
from benchmarks.child import in_child, memory_kb, usage_of
from harness import data
from harness.data import passport
from harness.data.reading import packet_file
from harness.data.reading.packet_file import PacketFile
from harness.data.reading.packet_index import PacketTable
from harness.data.reading.packet_packing import Entry
from harness.data.video import Video

_PASSPORT = "hash of a passport"
_TABLES = 200  # different ones, which the entries repeat


@dataclass(frozen=True, kw_only=True)
class IndexReads:
    """One process that opens the packet index and reads the entries of a batch.

    Attributes:
        file_mb: Size of the index, in 10⁶ bytes.
        seconds: Processor time.
        private_mb: Memory that the process has of its own for it.
        mapped_mb: Memory of the file that it has mapped, which all processes share.
    """

    file_mb: float
    seconds: float
    private_mb: float
    mapped_mb: float


def measure(root: Path, number: int, batch: Sequence[int]) -> IndexReads:
    """Measure the reads of a batch, of an index of a number of videos that is made for it."""
    file_mb = in_child(write, root, number)
    seconds, private_mb, mapped_mb = in_child(read, root, batch)
    return IndexReads(file_mb=file_mb, seconds=seconds, private_mb=private_mb, mapped_mb=mapped_mb)


def read(root: Path, batch: Sequence[int]) -> tuple[float, float, float]:
    """Read the entries of a batch; return the seconds, and the private and mapped megabytes."""
    videos = [_video(root, index) for index in batch]
    kinds = ("RssAnon", "RssFile")
    before = [memory_kb(kind) for kind in kinds]

    def read() -> PacketFile:
        index = data.find_packet_index(made_data.NAME, root, _PASSPORT)
        assert index is not None
        assert all(index.get(video) for video in videos)
        return index

    _kept_open, used = usage_of(read)
    private_mb, mapped_mb = (
        max(memory_kb(kind) - kb, 0) * 1_024 / 1e6 for kind, kb in zip(kinds, before, strict=True)
    )
    return used.seconds, private_mb, mapped_mb


def write(root: Path, number: int) -> float:
    """Write a packet index of videos of ten seconds, and return its size in 10⁶ bytes.

    Its videos are those of `_video`: equal files, such as those of the passport, have one entry.
    """
    path, rng = root / made_data.NAME / passport.FILE, np.random.default_rng(0)
    tables = [Entry(340, 256, _table(rng)).pack() for _ in range(_TABLES)]
    entries = {_sha256(index): tables[index % _TABLES] for index in range(number)}
    packet_file.write(path, _PASSPORT, entries)
    return packet_file.index_path(path).stat().st_size / 1e6


def _video(root: Path, index: int) -> Video:
    """Return a video of the packet index."""
    return Video(
        id=str(index), path=root, labels=(0,), sha256=_sha256(index), frames=made_data.FRAMES
    )


def _sha256(index: int) -> str:
    return hashlib.sha256(b"%d" % index).hexdigest()


def _table(rng: np.random.Generator) -> PacketTable:
    """Return the packets of a video with one key frame and B frames."""
    sizes = rng.integers(100, 6_000, made_data.FRAMES)
    shown = np.arange(made_data.FRAMES) + np.resize([0, 2, -1, -1], made_data.FRAMES)
    return PacketTable(
        header=bytes(40),
        colour=(1, 1, 1, 1),
        matrix=(1, 0, 0, 1),
        file_bytes=int(sizes.sum()) + 10_000,
        pts=tuple((512 * shown).tolist()),
        positions=tuple((48 + np.cumsum(sizes) - sizes).tolist()),
        sizes=tuple(sizes.tolist()),
        idr=(0,),
        disposable=frozenset(range(2, made_data.FRAMES, 4)),
    )
