import multiprocessing
import os
import resource
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from harness.data import gate, passport
from harness.data.reading import frame_cache, frame_store
from harness.data.reading.decode import read_frames
from harness.data.reading.frame_cache import FrameCache
from harness.data.reading.frame_store import FrameStore
from harness.data.video import DamagedVideoError, RefusedVideoError, Video
from tests.helpers import video_files

COUNT = 12
KINDS = ("GOP 12", "10 bit", "variable rate", "no B frames")
INDICES = np.array([3, 7, 7, 1])


def make_video(path, kind="GOP 12", seed=0, **fields):
    draw = partial(video_files.picture, width=64, height=48)
    video_files.write(
        path, video_files.KINDS[kind], frames=COUNT, pictures=lambda index: draw(index + seed)
    )
    sha256 = passport.file_sha256(path)
    return Video(id=path.stem, path=path, labels=(0,), frames=COUNT, sha256=sha256, **fields)


@pytest.fixture
def videos(tmp_path):
    made = [make_video(tmp_path / f"{i}.mp4", kind, i) for i, kind in enumerate(KINDS)]
    turned = make_video(tmp_path / "turned.mp4", turned=True)
    video_files.turn(turned.path, video_files.QUARTERS["turned right"])
    return [*made, replace(turned, sha256=passport.file_sha256(turned.path))]


@pytest.fixture
def video(tmp_path):
    return make_video(tmp_path / "one.mp4")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results" / "frames"


def open_store(folder, videos, max_mb=64):
    return FrameStore(folder, {"train": videos}, max_mb)


def read_all(folder, videos, **kwargs):
    cache = FrameCache(64, open_store(folder, videos, **kwargs))
    return [cache.read(video, INDICES) for video in videos]


def stored(folder):
    return sorted(folder.glob("*")) if folder.exists() else []


def is_same(left, right):
    return len(left) == len(right) and all(map(torch.equal, left, right))


@pytest.fixture
def no_decoder(monkeypatch):
    """Return a function after which no video is decoded."""

    def forbid():
        monkeypatch.setattr(frame_cache, "read_planned", None)
        monkeypatch.setattr(frame_cache, "open_video", None)

    return forbid


def test_stored_frames_are_those_of_reading_directly(folder, videos, no_decoder):
    direct = [frame_cache.read(video) for video in videos]
    assert direct[-1].shape[1:3] == (64, 48)
    read_all(folder, videos)
    assert len(stored(folder)) == len(videos)
    no_decoder()
    read = read_all(folder, videos)
    assert is_same(read, [frames[INDICES] for frames in direct])
    store = open_store(folder, videos)
    assert is_same([store.get(video) for video in videos], direct)


def test_mapped_files_keep_no_descriptor(folder, videos):
    read_all(folder, videos)
    descriptors = Path("/proc/self/fd")
    before = len([*descriptors.iterdir()])
    cache = FrameCache(64, open_store(folder, videos))
    for video in videos:
        cache.read(video, INDICES)
    assert len([*descriptors.iterdir()]) == before


def test_writing_to_mapped_frames_does_not_alter_the_file(folder, video):
    read_all(folder, [video])
    store = open_store(folder, [video])
    frames = store.get(video)
    frames += 1
    assert torch.equal(store.get(video), frame_cache.read(video))


def test_the_folder_is_for_this_user_alone(folder, video):
    read_all(folder, [video])
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_video_of_unknown_content_is_not_stored(folder, video):
    unknown = replace(video, sha256="")
    assert is_same(read_all(folder, [unknown]), [read_frames(video.path)[INDICES]])
    assert not stored(folder)


def test_a_folder_of_pictures_is_not_stored(folder, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index in range(COUNT):
        Image.fromarray(video_files.picture(index, 64, 48)).save(pictures / f"{index:05d}.jpg")
    sha256 = passport.content_sha256(pictures)
    video = Video(id="pictures", path=pictures, labels=(0,), frames=COUNT, sha256=sha256)
    for _ in range(2):
        assert is_same(read_all(folder, [video]), [frame_cache.read(video)[INDICES]])
    assert not stored(folder)


@pytest.mark.parametrize(
    ("num_videos", "max_mb", "is_small"),
    [(9, 1, True), (10, 1, False), (10, 2, True), (1, 0, False)],
)
def test_only_of_a_data_set_that_fits_the_limit_videos_are_stored(
    folder, video, num_videos, max_mb, is_small
):
    """Nine such videos take 0.995 MB."""
    cache = FrameCache(64, open_store(folder, [video] * num_videos, max_mb))
    assert torch.equal(cache.read(video, INDICES), read_frames(video.path)[INDICES])
    assert len(stored(folder)) == is_small


def test_of_a_data_set_of_too_many_videos_none_is_stored(folder, video, monkeypatch):
    monkeypatch.setattr(frame_store, "MAX_VIDEOS", 1)
    for num_videos in (2, 1):
        cache = FrameCache(64, open_store(folder, [video] * num_videos))
        cache.read(video, INDICES)
        assert len(stored(folder)) == 2 - num_videos


def test_a_stored_video_is_cached_by_the_rule_of_others(folder, video):
    expected = read_all(folder, [video])
    cache = FrameCache(1, open_store(folder, [video]))
    assert is_same([cache.read(video, INDICES)], expected)
    assert not cache.videos


@pytest.mark.parametrize("what", ["content", "turned", "frames", "PyAV", "FFmpeg", "instructions"])
def test_another_video_or_decoder_finds_nothing(folder, video, monkeypatch, what):
    read_all(folder, [video])
    other = video
    if what == "content":
        other = make_video(video.path, seed=5)
    elif what == "turned":
        other = replace(video, turned=True)
    elif what == "frames":
        other = replace(video, frames=COUNT - 1)
    elif what == "PyAV":
        monkeypatch.setattr(av, "__version__", "0")
    elif what == "FFmpeg":
        monkeypatch.setattr(av, "library_versions", {})
    else:
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "none")
    frame_store._reader.cache_clear()
    try:
        assert open_store(folder, [video]).get(other) is None
        expected = frame_cache.read(other)[INDICES]
        assert is_same(read_all(folder, [other]), [expected])
        assert len(stored(folder)) == 2
    finally:
        frame_store._reader.cache_clear()


def test_the_code_of_the_readers_decides_the_name(monkeypatch, tmp_path):
    before = frame_store._reader.__wrapped__()
    assert frame_store._reader.__wrapped__() == before
    changed = tmp_path / "gate.py"
    changed.write_bytes(b"# other limits")
    monkeypatch.setattr(gate, "__file__", str(changed))
    assert frame_store._reader.__wrapped__() != before


def test_a_file_that_is_not_that_of_its_passport_is_not_stored(folder, video):
    make_video(video.path, seed=5)
    read_all(folder, [video])
    assert not stored(folder)


@pytest.mark.parametrize("replaced", ["before", "after"])
def test_a_file_that_is_replaced_while_it_is_decoded_is_not_stored(folder, video, replaced):
    right = video.path.read_bytes()
    wrong = make_video(video.path, seed=5).path.read_bytes()
    contents = {"before": (wrong, right), "after": (right, wrong)}[replaced]
    video.path.write_bytes(contents[0])

    def decode_slowly():
        frames = frame_cache.read(video)
        video.path.write_bytes(contents[1])
        return frames

    open_store(folder, [video]).add(video, decode_slowly)
    assert not stored(folder)


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(b"text"),
    "header alone": lambda path: path.write_bytes(path.read_bytes()[:16]),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"0"),
    "zeros, as after a power failure": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "checksum": lambda path: flip(path, 0),
    "frames": lambda path: flip(path, 4),
    "height": lambda path: flip(path, 8),
    "width": lambda path: flip(path, 12),
    "first pixel": lambda path: flip(path, 16),
    "last pixel": lambda path: flip(path, -1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_decoded_and_stored_again(folder, video, damage):
    expected = read_all(folder, [video])
    (path,) = stored(folder)
    content = path.read_bytes()
    DAMAGES[damage](path)
    assert is_same(read_all(folder, [video]), expected)
    assert path.read_bytes() == content


def test_frames_of_another_video_under_its_name_are_decoded_again(folder, videos):
    expected = read_all(folder, videos[:2])
    first, second = stored(folder)
    contents = first.read_bytes(), second.read_bytes()
    first.write_bytes(contents[1])
    second.write_bytes(contents[0])
    assert is_same(read_all(folder, videos[:2]), expected)
    assert (first.read_bytes(), second.read_bytes()) == contents


@pytest.mark.parametrize("thing", ["folder", "pipe", "dangling link"])
def test_another_thing_under_its_name_changes_no_frame(folder, video, thing):
    expected = read_all(folder, [video])
    (path,) = stored(folder)
    path.unlink()
    if thing == "folder":
        path.mkdir()
    elif thing == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    assert is_same(read_all(folder, [video]), expected)


def test_a_folder_that_others_can_write_is_not_used(folder, video):
    expected = read_all(folder, [video])
    folder.chmod(0o777)
    assert open_store(folder, [video]).get(video) is None
    stored(folder)[0].unlink()
    assert is_same(read_all(folder, [video]), expected)
    assert not stored(folder)


def test_a_disk_that_takes_nothing_fails_no_read(folder, videos):
    expected = [frame_cache.read(video)[INDICES] for video in videos]
    folder.parent.mkdir()
    folder.write_bytes(b"a file in its place")
    assert is_same(read_all(folder, videos), expected)


def test_a_disk_that_is_full_holds_no_piece(folder, videos):
    """A limit on the size of a file fails a write half way, as a full disk does."""
    expected = [frame_cache.read(video)[INDICES] for video in videos]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    cache = FrameCache(64, open_store(folder, videos))
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        read = [cache.read(video, INDICES) for video in videos]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert is_same(read, expected)
    assert not cache.store.is_writable
    assert not stored(folder)


def test_the_gate_stands_before_stored_frames(folder, video, tmp_path):
    read_all(folder, [video])
    elsewhere = replace(video, within=gate.real_folders(tmp_path / "data"))
    with pytest.raises(RefusedVideoError, match="outside the folder of the data set"):
        read_all(folder, [elsewhere])
    video.path.unlink()
    with pytest.raises(DamagedVideoError, match=r"one\.mp4"):
        read_all(folder, [video])
    os.mkfifo(video.path)
    with pytest.raises(RefusedVideoError, match="not a regular file"):
        read_all(folder, [video])


def _read_for_ever(folder, videos):
    while True:
        read_all(folder, videos)
        for path in stored(folder):
            path.unlink(missing_ok=True)


@pytest.mark.slow
def test_processes_that_write_at_once_and_are_killed_leave_whole_files(folder, videos):
    expected = [frame_cache.read(video)[INDICES] for video in videos]
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        others = [context.Process(target=_read_for_ever, args=(folder, videos)) for _ in range(3)]
        for process in others:
            process.start()
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            assert is_same(read_all(folder, videos), expected)
        for process in others:
            process.kill()
            process.join()
        store = open_store(folder, videos)
        whole = {store._path(video).name for video in videos if store.get(video) is not None}
        assert whole == {path.name for path in stored(folder) if path.suffix == ".rgb"}
    assert is_same(read_all(folder, videos), expected)
