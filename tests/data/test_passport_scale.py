"""What a large data set costs before the first batch: looks at files, hashes, and memory."""

import gc
import os
import resource
import tracemalloc
from collections import Counter
from dataclasses import replace

import pytest

from benchmarks import made_data, scale
from benchmarks.child import in_child
from harness.data import passport
from harness.data.dataset import ClipDataset, ClipRequest
from harness.data.passport import Passport, column_file, content
from harness.data.reading.frame_cache import FrameCache
from harness.data.video import Video
from harness.data.workers import Workers
from harness.specs import DataSpec

VIDEOS = 2_000
MANY = 24_000  # a tenth of those of Kinetics-400


@pytest.fixture
def videos(tmp_path):
    found = []
    for number in range(20):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(b"video")
        found.append(
            Video(
                id=str(number),
                path=path,
                labels=(0,),
                frames=9,
                sha256=passport.file_sha256(path),
                stamp=passport.file_stamp(path),
            )
        )
    return found


def faults():
    """Return how often this process has met a page that it had to copy or to get."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def counted(monkeypatch):
    """Count the looks at files and their hashes."""
    counts, stat, hashed = Counter(), os.stat, content.file_sha256

    def noted_stat(*args, **named):
        counts["stat"] += 1
        return stat(*args, **named)

    def noted_hash(path):
        counts["hash"] += 1
        return hashed(path)

    monkeypatch.setattr(os, "stat", noted_stat)
    monkeypatch.setattr(content, "file_sha256", noted_hash)
    return counts


def test_unchanged_videos_are_looked_at_twice_at_most_and_never_hashed(videos, monkeypatch):
    counts = counted(monkeypatch)
    passport.verify(videos)
    assert 0 < counts["stat"] <= 2 * len(videos)
    assert counts["hash"] == 0


def test_of_videos_that_were_staged_with_other_times_each_is_hashed_once(videos, monkeypatch):
    for video in videos[:5]:
        os.utime(video.path, (1, 1))
    counts = counted(monkeypatch)
    passport.verify(videos)
    assert counts["hash"] == 5


@pytest.mark.slow
def test_a_passport_in_memory_takes_less_than_4_kb_a_video(tmp_path):
    listed = [
        Video(
            id=f"class/{n:08d}",
            path=tmp_path / f"{n:08d}.mp4",
            labels=(n % 400,),
            frames=300,
            sha256=f"{n:064d}",
            stamp=(1_000_000 + n, 1_700_000_000_000_000_000 + n),
        )
        for n in range(VIDEOS)
    ]
    path = tmp_path / "passport.json"
    passport.write(path, Passport(splits={"train": listed}, listed={"train": VIDEOS}))
    assert path.stat().st_size < 500 * VIDEOS
    tracemalloc.start()
    try:
        found = passport.read(path)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.splits["train"][-1].id == f"class/{VIDEOS - 1:08d}"
    assert kept < 4_000 * VIDEOS
    assert peak < 8_000 * VIDEOS


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Return a folder of data sets with a checked one of many empty videos."""
    root = tmp_path_factory.mktemp("many")
    in_child(made_data.write, root, MANY, False)
    return root


@pytest.mark.slow
def test_only_the_first_start_over_many_videos_looks_at_them_and_no_start_takes_long(many):
    """Seconds are compared within the run; of those by rows of JSON they were 0.48, then 0.03."""
    rows = in_child(scale._by_rows, many)
    first, *others = (in_child(scale._start, many) for _ in range(3))
    assert (first.looks, first.hashed) == (MANY, 0)
    assert first.seconds < rows.seconds
    assert first.peak_mb < 40
    for other in others:
        assert (other.looks, other.hashed) == (0, 0)
        assert other.seconds < first.seconds / 2
        assert other.peak_mb < 25


@pytest.mark.slow
def test_a_loader_process_copies_no_page_of_a_passport_to_collect_garbage(
    many, runtime, monkeypatch
):
    monkeypatch.setattr(column_file, "find", lambda _: None)
    known = passport.read(many / made_data.NAME / passport.FILE)  # as objects, all of which count
    assert sum(map(len, known.splits.values())) == MANY

    class Collecting(ClipDataset):
        def __getitem__(self, request):
            before = faults()
            gc.collect()
            raise ValueError(f"copied {(faults() - before) * resource.getpagesize()}")

    dataset = Collecting(DataSpec(name="desk", num_classes=12), seed=0, cache=FrameCache(0))
    workers = Workers(dataset, replace(runtime, workers=1))
    with pytest.raises(ValueError, match="copied") as caught:
        next(workers.chunks([[ClipRequest(known.splits["train"][0], 0)]]))
    assert int(str(caught.value).split()[-1]) < 5_000_000
