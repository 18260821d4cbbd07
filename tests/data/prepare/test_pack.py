"""Data sets in shards: the same videos, batches and keys, read by offset."""

import io
import os
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from harness import record
from harness.cli.data.pack import pack_videos as command
from harness.data import loader, passport
from harness.data.loader import Loader
from harness.data.passport import column_file
from harness.data.prepare import check, summary, summary_files
from harness.data.prepare.copies import copy, pack
from harness.data.prepare.copies.reencode import EncodeSettings
from harness.data.prepare.probe_pool import ProbeSettings
from harness.data.prepare.sources import DataSource
from harness.data.reading import decode, frame_cache, packet_file
from harness.data.reading.frame_cache import FrameCache
from harness.data.reading.frame_store import FrameStore
from harness.data.video import DamagedVideoError, Video
from harness.runtime import Runtime
from harness.specs import DataSpec
from tests.helpers import video_files

NAMES = ("GOP 12", "GOP 4", "open GOP", "VP9", "H.264 in Matroska", "variable rate", "with sound")
SPEC = DataSpec(name="copies", num_classes=2, num_snippets=2, num_frames=2, frame_stride=3)
SETTINGS = ProbeSettings(seconds=30)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of data sets: `kinds`, checked videos of several kinds and folders."""
    folder = tmp_path_factory.mktemp("data")
    root = folder / "kinds"
    videos = []
    for number, name in enumerate(NAMES):
        kind = video_files.KINDS[name]
        path = root / ("a" if number % 2 else "b" * 120) / f"vidéo {number}{kind.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        video_files.write(path, kind, frames=30)
        videos.append(Video(id=path.name, path=path, labels=(number % 2,)))
    video_files.turn(videos[0].path, video_files.QUARTERS["turned right"])
    splits = {"train": videos[2:], "test": videos[:2]}
    source = DataSource(name="kinds", root=root, splits=splits)
    checked = check.check_videos(splits, root, root, SETTINGS, progress=lambda *step: None)
    totals = summary.summarise(checked, source, out=root)
    summary_files.write(checked, totals, source, root)
    check.write_index(root, totals.passport, checked, root, SETTINGS)
    pack.pack_data_set(root, folder / "packed", shard_mb=1000)
    return folder


def known(data, name):
    return passport.read(data / name / passport.FILE)


def pairs(data):
    """Yield every video in a file of its own and in a shard."""
    for split, videos in known(data, "kinds").splits.items():
        yield from zip(videos, known(data, "packed").splits[split], strict=True)


def index(data, name):
    return packet_file.find(data / name / passport.FILE, known(data, name).digest)


def test_a_packed_data_set_has_the_hash_of_the_other_and_so_its_trials_have_their_keys(
    data, tiny_trial
):
    loose, packed = known(data, "kinds"), known(data, "packed")
    assert packed.digest == loose.digest
    assert record.trial_key(tiny_trial, packed.digest) == record.trial_key(tiny_trial, loose.digest)
    assert [path.name for path in (data / "packed" / "shards").iterdir()] == ["00000.tar"]


@pytest.mark.parametrize("is_indexed", [False, True])
def test_every_video_gives_the_same_frames_from_a_shard(data, is_indexed):
    for loose, packed in pairs(data):
        cache = FrameCache(0, index=index(data, "packed") if is_indexed else None)
        for _ in range(2):
            for wanted in (np.array([3, 17, 3]), np.arange(loose.frames)):
                expected = FrameCache(0).read(loose, wanted)
                assert torch.equal(cache.read(packed, wanted), expected), loose.id


def test_small_videos_of_a_shard_are_cached_and_stored_apart(data, tmp_path):
    videos = [packed for _, packed in pairs(data)]
    for _ in range(2):
        store = FrameStore(tmp_path / "frames", {"train": videos}, 640)
        cache = FrameCache(640, store)
        for loose, packed in pairs(data):
            assert torch.equal(
                cache.read(packed, np.array([4])), FrameCache(0).read(loose, np.array([4]))
            )
    assert len([*(tmp_path / "frames").iterdir()]) == len(videos)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_from_shards_are_those_from_files(data, workers):
    batches = []
    for name in ("kinds", "packed"):
        runtime = Runtime(results=data, data=data, workers=workers, cache_mb=1)
        started = loader.start_workers(
            SPEC, batch_videos=2, seed=0, runtime=runtime, index=index(data, name)
        )
        videos = known(data, name).splits["train"]
        batches.append([*Loader(videos, started, batch_videos=2).epoch(0)])
    for one, other in zip(*batches, strict=True):
        assert torch.equal(one.clips, other.clips)
        assert torch.equal(one.labels, other.labels)


def test_an_index_spares_the_containers_in_a_shard_too(data, monkeypatch):
    plain = [video for _, video in pairs(data) if index(data, "packed").get(video).table]
    assert len(plain) == 4
    monkeypatch.setattr(frame_cache, "read_planned", None)
    for module in (frame_cache, decode):
        monkeypatch.setattr(module, "open_video", None)
    for video in plain:
        FrameCache(1, index=index(data, "packed")).read(video, np.array([2]))


@pytest.mark.slow
def test_a_training_copy_is_packed(data, tmp_path):
    copy.copy_data_set(data / "kinds", tmp_path / "copies", settings=EncodeSettings(crf=30))
    pack.pack_data_set(tmp_path / "copies", tmp_path / "packed", shard_mb=1000)
    loose, packed = known(tmp_path, "copies"), known(tmp_path, "packed")
    assert packed.digest == loose.digest
    assert packed.changed == loose.changed
    assert index(tmp_path, "packed").get(packed.splits["train"][0]).table is not None


def test_shards_are_tar_files_of_the_paths_and_bytes_of_the_videos(data):
    with tarfile.open(data / "packed" / "shards" / "00000.tar") as tar:
        content = {info.name: tar.extractfile(info).read() for info in tar}
    loose = [video.path for video, _ in pairs(data)]
    assert content == {
        path.relative_to(data / "kinds").as_posix(): path.read_bytes() for path in loose
    }


def packed_in_small_shards(data, folder, monkeypatch):
    """Pack with about two videos in a shard."""
    biggest = max(video.path.stat().st_size for video, _ in pairs(data))
    real = pack._plan
    monkeypatch.setattr(pack, "_plan", lambda videos, root, to, _: real(videos, root, to, biggest))
    return pack.pack_data_set(data / "kinds", folder, shard_mb=1)


def test_shards_are_bounded_and_made_again_only_where_they_are_not_whole(
    data, tmp_path, monkeypatch
):
    folder = tmp_path / "packed"
    count = packed_in_small_shards(data, folder, monkeypatch)
    assert 3 < count <= len(NAMES)
    shards = sorted((folder / "shards").iterdir())
    content = {path: path.read_bytes() for path in shards}
    before = {path: path.stat().st_mtime_ns for path in shards}
    shards[0].unlink()
    shards[1].write_bytes(content[shards[1]][:-20_000])
    damaged = bytearray(content[shards[2]])
    inside = next(v for v in known(tmp_path, "packed").splits["train"] if v.path == shards[2])
    damaged[inside.span[0] + 100] ^= 1
    shards[2].write_bytes(damaged)
    (folder / "shards" / "00003.tar.part").write_bytes(b"half")
    packed_in_small_shards(data, folder, monkeypatch)
    assert {path: path.read_bytes() for path in shards} == content
    assert [path.stat().st_mtime_ns for path in shards[3:]] == [before[path] for path in shards[3:]]
    passport.verify(known(tmp_path, "packed").splits["train"])


def test_a_run_that_dies_leaves_no_passport_and_the_next_goes_on(data, tmp_path, monkeypatch):
    folder, real, calls = tmp_path / "packed", pack._write, []

    def write(shard):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(shard.path)
        real(shard)

    with monkeypatch.context() as patched:
        patched.setattr(pack, "_write", write)
        with pytest.raises(KeyboardInterrupt):
            packed_in_small_shards(data, folder, patched)
    assert not (folder / passport.FILE).exists()
    before = {path: path.stat().st_mtime_ns for path in calls}
    packed_in_small_shards(data, folder, monkeypatch)
    assert {path: path.stat().st_mtime_ns for path in calls} == before
    assert known(tmp_path, "packed").digest == known(data, "kinds").digest


def test_a_shard_that_changed_is_noticed_before_and_while_it_is_read(data, tmp_path):
    pack.pack_data_set(data / "kinds", tmp_path / "packed", shard_mb=1000)
    videos = known(tmp_path, "packed").splits["train"]
    path = tmp_path / "packed" / "shards" / "00000.tar"
    content = bytearray(path.read_bytes())
    content[videos[0].span[0] + 500] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedVideoError, match="content differs from the hash"):
        passport.verify(videos)
    os.truncate(path, videos[-1].span[0] + 10)
    with pytest.raises(DamagedVideoError, match="the shard ends at byte"):
        frame_cache.read(videos[-1], [0])


@pytest.mark.parametrize("span", [(2**62, 100), (0, 2**62), (10**9, 1), (0, 0), (512, 10)], ids=str)
def test_no_span_leads_out_of_its_shard(data, span):
    video = replace(known(data, "packed").splits["train"][0], span=span)
    for entry in (None, index(data, "packed").get(video)):
        with pytest.raises(DamagedVideoError):
            frame_cache.read(video, [0], None, entry)


def test_names_within_a_shard_are_not_believed(data, tmp_path):
    """A shard with other names, links and headers gives the same frames."""
    pack.pack_data_set(data / "kinds", tmp_path / "packed", shard_mb=1000)
    path = tmp_path / "packed" / "shards" / "00000.tar"
    hostile = io.BytesIO()
    with tarfile.open(fileobj=hostile, mode="w") as tar:
        info = tarfile.TarInfo("../../outside")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    content = bytearray(path.read_bytes())
    content[:512] = hostile.getvalue()[:512]
    path.write_bytes(content)
    for loose, packed in zip(
        known(data, "kinds").splits["test"], known(tmp_path, "packed").splits["test"], strict=True
    ):
        assert torch.equal(frame_cache.read(packed, [1]), frame_cache.read(loose, [1]))


def test_a_packed_passport_has_columns(data, tmp_path, monkeypatch):
    monkeypatch.setattr(column_file, "MIN_VIDEOS", 1)
    pack.pack_data_set(data / "kinds", tmp_path / "packed", shard_mb=1000)
    assert column_file.column_path(tmp_path / "packed" / passport.FILE).is_file()
    videos = known(tmp_path, "packed").splits
    column_file.column_path(tmp_path / "packed" / passport.FILE).unlink()
    assert known(tmp_path, "packed").splits == videos
    assert videos["train"][0].span is not None


def test_what_cannot_be_packed_is_refused_in_a_sentence(data, tmp_path):
    for source, words in {
        tmp_path: r"has no passport\.json",
        data / "packed": "is packed into shards already",
    }.items():
        with pytest.raises(ValueError, match=words):
            pack.pack_data_set(source, tmp_path / "packed", shard_mb=1)
    with pytest.raises(ValueError, match="shards need another folder"):
        pack.pack_data_set(data / "kinds", data / "kinds", shard_mb=1)
    with pytest.raises(ValueError, match="copy the data set that was packed"):
        copy.copy_data_set(data / "packed", tmp_path / "copies")


def test_a_video_that_changed_is_not_packed(data, tmp_path):
    videos = known(data, "kinds").splits["train"]
    for change, words in {
        "sha256": {"sha256": "0" * 64},
        "missing": {"path": data / "kinds" / "gone.mp4"},
    }.items():
        broken = passport.complete_passport({"train": [replace(videos[0], **words)]})
        passport.write(tmp_path / change / passport.FILE, replace(broken, root=data / "kinds"))
        with pytest.raises(DamagedVideoError, match=r"content differs|but missing"):
            pack.pack_data_set(tmp_path / change, tmp_path / "packed", shard_mb=1)
    assert not (tmp_path / "packed" / passport.FILE).exists()


def test_the_command_packs(data, tmp_path):
    words = [str(data / "kinds"), str(tmp_path / "packed"), "--json"]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    assert '"shards": 1' in done.stdout
    assert "shards: 1 of 1" in done.stderr
