"""What a large data set costs before the first batch: looks at files, hashes, and memory."""

import os
import tracemalloc
from collections import Counter

import pytest

from harness.data import passport
from harness.data.passport import Passport, content
from harness.data.video import Video

VIDEOS = 2_000


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
