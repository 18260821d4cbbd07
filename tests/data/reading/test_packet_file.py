"""The packet index beside a passport: the same frames with fewer reads, or it is passed over."""

import os
import pickle
import shutil
import struct
from dataclasses import replace
from itertools import starmap

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from harness import data
from harness.data import loader, passport
from harness.data.loader import Loader
from harness.data.passport import column_file
from harness.data.prepare import check, summary, summary_files
from harness.data.prepare.probe_pool import ProbeSettings
from harness.data.prepare.sources import DataSource
from harness.data.reading import decode, frame_cache, packet_file, packet_packing, sparse_decode
from harness.data.reading.frame_cache import FrameCache
from harness.data.reading.packet_file import Entry
from harness.data.video import Video
from harness.runtime import Runtime
from harness.specs import DataSpec
from tests.helpers import bad_videos, video_files

SETTINGS = ProbeSettings(seconds=30)
ODD = ("late_start", "variable_fps", "rotated", "no_key_frame_start", "odd_size", "same_pts")
SPEC = DataSpec(name="kinds", num_classes=2, num_snippets=2, num_frames=2, frame_stride=3)


def write_checked(root, out, paths):
    """Check videos as the command does; return the passport that it leaves."""
    videos = [
        Video(id=path.name, path=path, labels=(number % 2,)) for number, path in enumerate(paths)
    ]
    source = DataSource(name="kinds", root=root, splits={"train": videos})
    checked = check.check_videos(
        source.splits, root, out, SETTINGS, progress=lambda done, total, facts: None
    )
    totals = summary.summarise(checked, source, out=out)
    summary_files.write(checked, totals, source, out)
    check.write_index(out, totals.passport, checked, root, SETTINGS)
    return passport.read(out / passport.FILE)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Files of every kind, checked: folder of the data sets, and the passport."""
    root = tmp_path_factory.mktemp("videos")
    paths = [
        # Of 30 frames, an edit list would hide so many that a check calls the file damaged.
        video_files.write(root / f"{number}{kind.suffix}", kind, frames=90 if kind.finish else 30)
        for number, kind in enumerate(video_files.KINDS.values())
    ]
    for case in bad_videos.CASES:
        if case.name in ODD:
            case.make(root / case.file, np.random.default_rng(0))
            paths.append(root / case.file)
    folder = tmp_path_factory.mktemp("data")
    return folder, write_checked(root, folder / "kinds", paths)


@pytest.fixture
def few(kinds, tmp_path):
    """Return a copy of the folder of the data sets, which a test may damage, and the passport."""
    folder, known = kinds
    shutil.copytree(folder, tmp_path / "data")
    return tmp_path / "data", known


def find(folder, known):
    return data.find_packet_index("kinds", folder, known.digest)


def draws(video):
    rng = np.random.default_rng(video.frames)
    yield np.arange(video.frames)
    for size in (1, 3, 8):
        yield rng.integers(video.frames, size=size)


@pytest.mark.slow
def test_every_kind_of_file_gives_the_same_frames_with_the_index(kinds):
    index = find(*kinds)
    for video in kinds[1].splits["train"]:
        for wanted in draws(video):
            expected = FrameCache(0).read(video, wanted)
            assert torch.equal(FrameCache(0, index=index).read(video, wanted), expected), video.id
            assert torch.equal(FrameCache(640, index=index).read(video, wanted), expected), video.id


def test_the_index_holds_the_table_of_every_plain_file_and_says_which_are_not(kinds):
    index = find(*kinds)
    assert len(kinds[1].splits["train"]) == len(video_files.KINDS) + len(ODD)
    for video in kinds[1].splits["train"]:
        entry = index.get(video)
        assert entry.table == sparse_decode.build_index(video.path), video.id
        with sparse_decode.open_video(video.path) as (_, stream):
            assert (entry.width, entry.height) == (stream.width, stream.height)


def test_a_video_with_other_frames_or_without_a_hash_has_no_entry(kinds):
    index, video = find(*kinds), plain_videos(kinds)[0]
    for changed in ({"frames": video.frames - 1}, {"sha256": ""}, {"sha256": "hash of it"}):
        assert index.get(replace(video, **changed)) is None
    assert index.get(replace(video, sha256="0" * 64)) is None


def plain_videos(kinds):
    index = find(*kinds)
    return [video for video in kinds[1].splits["train"] if index.get(video).table is not None]


def counted(monkeypatch, cache, videos):
    """Return how often a first epoch opens a container, and the bytes that it asks files for."""
    opened, asked = [], []
    real_open, real_read = sparse_decode.open_video, os.pread

    def count(path):
        opened.append(path)
        return real_open(path)

    def read(descriptor, size, start):
        asked.append(size)
        return real_read(descriptor, size, start)

    with monkeypatch.context() as patched:
        for module in (sparse_decode, frame_cache, decode):
            patched.setattr(module, "open_video", count)
        patched.setattr(os, "pread", read)
        for video in videos:
            cache.read(video, np.array([3, 17]))
    return len(opened), sum(asked)


@pytest.mark.parametrize("cache_mb", [0, 1])
def test_the_first_epoch_opens_no_container_and_reads_only_packets_that_it_needs(
    kinds, monkeypatch, cache_mb
):
    videos = plain_videos(kinds)
    assert len(videos) > 15
    without, _ = counted(monkeypatch, FrameCache(cache_mb), videos)
    opened, asked = counted(monkeypatch, FrameCache(cache_mb, index=find(*kinds)), videos)
    assert without >= len(videos)
    assert opened == 0
    assert 0 < asked < 0.8 * sum(video.path.stat().st_size for video in videos)


def batches(kinds, index, workers):
    runtime = Runtime(results=kinds[0], data=kinds[0], workers=workers, cache_mb=1)
    plain = plain_videos(kinds)
    started = loader.start_workers(SPEC, batch_videos=4, seed=0, runtime=runtime, index=index)
    return [*Loader(plain, started, batch_videos=4).epoch(0)]


@pytest.mark.slow
def test_loader_processes_share_the_index_in_their_first_epoch(kinds, monkeypatch):
    expected = batches(kinds, None, 0)
    # What is forked cannot open a container any more.
    for module in (sparse_decode, frame_cache, decode):
        monkeypatch.setattr(module, "open_video", None)
    for found, wanted in zip(batches(kinds, find(*kinds), 2), expected, strict=True):
        assert torch.equal(found.clips, wanted.clips)
        assert torch.equal(found.indices, wanted.indices)


def test_a_process_that_is_not_forked_opens_the_index_again(kinds):
    index = find(*kinds)
    opened = pickle.loads(pickle.dumps(index))
    assert opened.path == index.path
    for video in plain_videos(kinds):
        assert opened.get(video).pack() == index.get(video).pack()


def frames_with(index, video):
    return FrameCache(0, index=index).read(video, np.array([1, 5]))


def test_a_data_set_without_an_index_is_read_as_before(few, caplog):
    folder, known = few
    packet_file.index_path(folder / "kinds" / passport.FILE).unlink()
    assert find(folder, known) is None
    assert not caplog.text


def test_an_index_of_another_passport_or_version_is_passed_over_in_a_sentence(
    few, caplog, monkeypatch
):
    folder, known = few
    assert data.find_packet_index("kinds", folder, "0" * 64) is None
    assert "kinds/passport.packets is of another passport, so it is passed over" in caplog.text
    monkeypatch.setattr(packet_file, "READER", "PyAV 0")
    assert find(folder, known) is None
    assert "is of another version, so it is passed over; run `harness data check`" in caplog.text


@pytest.mark.parametrize("content", [b"", b"junk", bytes(1000), struct.pack("<Q", 2**60)])
def test_what_is_no_index_is_passed_over_in_a_sentence(few, content, caplog):
    folder, known = few
    packet_file.index_path(folder / "kinds" / passport.FILE).write_bytes(content)
    assert find(folder, known) is None
    assert "passport.packets is damaged, so it is passed over" in caplog.text


def test_an_index_that_is_no_file_is_passed_over(few, caplog):
    folder, known = few
    path = packet_file.index_path(folder / "kinds" / passport.FILE)
    path.unlink()
    os.mkfifo(path)
    assert find(folder, known) is None
    assert "not a regular file" in caplog.text


@pytest.mark.slow
def test_damage_anywhere_gives_right_frames(few, caplog):
    folder, known = few
    videos = known.splits["train"][:3]
    right = [frames_with(None, video) for video in videos]
    path = packet_file.index_path(folder / "kinds" / passport.FILE)
    content, passed_over = path.read_bytes(), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        damaged = bytearray(content)
        for place in rng.integers(len(content), size=20):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged[: rng.integers(len(content)) if seed % 3 == 0 else None])
        index = find(folder, known)
        passed_over += index is None
        found = [frames_with(index, video) for video in videos]
        assert all(starmap(torch.equal, zip(found, right, strict=True))), seed
    assert passed_over > 15
    assert "an entry differs from its checksum" in caplog.text


def test_an_index_that_is_cut_off_while_it_is_open_ends_nobody(few, caplog):
    folder, known = few
    index = find(folder, known)
    os.truncate(index.path, 10)
    video = known.splits["train"][0]
    assert torch.equal(frames_with(index, video), frames_with(None, video))
    assert "it was cut off while it was read" in caplog.text


def test_an_index_that_is_replaced_while_it_is_open_stays_open(few):
    folder, known = few
    index = find(folder, known)
    video = plain_videos(few)[0]
    assert packet_file.write(folder / "kinds" / passport.FILE, "1" * 64, {"2" * 64: b"x"})
    assert index.get(video).table is not None
    assert find(folder, known) is None


def forge(path, change):
    """Write an index whose hash and checksums are right, with other arrays."""
    with safe_open(path, "np") as content:
        head = content.metadata()["head"]
        arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    arrays |= change(arrays)
    whole = column_file.checksum(head, {name: arrays[name] for name in ("keys", "ends")})
    arrays["sha256"] = np.frombuffer(bytes.fromhex(whole), np.uint8)
    save_file(arrays, path, {"head": head})


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: {"ends": arrays["ends"] + 1},
        lambda arrays: {"ends": arrays["ends"][::-1].copy()},
        lambda arrays: {"ends": arrays["ends"] - 2**40},
        lambda arrays: {"ends": arrays["ends"].astype(np.float64)},
        lambda arrays: {"ends": arrays["ends"][:-1]},
        lambda arrays: {"keys": arrays["keys"].astype(np.int64)},
        lambda arrays: {"keys": arrays["keys"][:0], "ends": arrays["ends"][:0]},
        lambda arrays: {"entries": arrays["entries"][:-1]},
        lambda arrays: {"entries": arrays["entries"].astype(np.int16)},
    ],
)
def test_a_forged_index_reads_nothing_outside_itself(few, change, caplog):
    folder, known = few
    forge(packet_file.index_path(folder / "kinds" / passport.FILE), change)
    assert find(folder, known) is None
    assert "is damaged, so it is passed over" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"positions": lambda table: (-1, *table.positions[1:])},
        {"positions": lambda table: (*table.positions[:-1], table.file_bytes)},
        {"positions": lambda table: (2**62, *table.positions[1:])},
        {"sizes": lambda table: (2**40, *table.sizes[1:])},
        {"sizes": lambda table: (0, *table.sizes[1:])},
        {"file_bytes": lambda table: 10},
        {"colour": lambda table: (0, 2, 300, 2)},
        {"matrix": lambda table: (1, 1, 0, 1)},
        {"idr": lambda table: table.idr[1:]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_forged_table_is_refused(kinds, change):
    index = find(*kinds)
    table = index.get(plain_videos(kinds)[0]).table
    changed = {name: value(table) for name, value in change.items()}
    with pytest.raises(ValueError, match="packet table"):
        packet_packing.unpack(packet_packing.pack(replace(table, **changed)))
    entry = Entry(96, 64, replace(table, **changed)).pack()
    with pytest.raises(ValueError, match="packet table"):
        Entry.unpack(entry)


def test_a_packed_table_is_not_unpacked_beyond_its_limit():
    packed = packet_packing.zlib.compress(bytes(2 * packet_packing._MAX_BYTES))
    with pytest.raises(ValueError, match="too long"):
        packet_packing.unpack(packed)


def test_a_second_check_leaves_the_index_in_its_place(few):
    folder, known = few
    path = packet_file.index_path(folder / "kinds" / passport.FILE)
    before = path.stat()
    write_checked(known.root, folder / "kinds", [video.path for video in known.splits["train"]])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [entry for entry in path.parent.iterdir() if ".packets." in entry.name] == []


@pytest.mark.slow
def test_a_check_that_goes_on_writes_the_index_of_all(few):
    folder, known = few
    content = packet_file.index_path(folder / "kinds" / passport.FILE).read_bytes()
    out = folder / "again"
    out.mkdir()
    rows = (folder / "kinds" / check.JOURNAL).read_bytes().splitlines(keepends=True)
    (out / check.JOURNAL).write_bytes(b"".join(rows[:20]) + rows[20][:100])
    write_checked(known.root, out, [video.path for video in known.splits["train"]])
    assert packet_file.index_path(out / passport.FILE).read_bytes() == content


def test_folders_of_pictures_leave_no_index(few, tmp_path):
    folder, _ = few
    assert not packet_file.write(folder / "kinds" / passport.FILE, "1" * 64, {})
    assert not packet_file.index_path(folder / "kinds" / passport.FILE).exists()
