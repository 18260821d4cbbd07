from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data.reading import frame_cache
from harness.data.reading.decode import read_frames
from harness.data.reading.frame_cache import FrameCache
from harness.data.reading.index_cache import ByteBudget, PacketTableCache
from harness.data.video import DamagedVideoError, Video
from tests.helpers import video_files

COUNT = 30
BYTES = COUNT * 64 * 48 * 3


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("frames") / "small.mp4"
    small = partial(video_files.picture, width=64, height=48)
    video_files.write(path, video_files.KINDS["GOP 12"], frames=COUNT, pictures=small)
    return Video(id="small", path=path, labels=(0,), frames=COUNT)


def cache(room):
    made = FrameCache(1)
    made.budget.left, made.max_video_bytes = room, room // frame_cache.MIN_CACHED_VIDEOS
    return made


def test_a_file_gives_the_frames_of_reading_in_order(video):
    assert torch.equal(frame_cache.read(video, [3, 17]), read_frames(video.path, [3, 17]))
    assert torch.equal(frame_cache.read(video), read_frames(video.path))


@pytest.mark.parametrize("turned", [False, True])
def test_frames_are_turned_only_where_the_passport_says_so(tmp_path, turned):
    path = video_files.write(tmp_path / "lying.mp4", video_files.KINDS["GOP 12"], frames=12)
    video_files.turn(path, video_files.QUARTERS["turned right"])
    lying = Video(id="lying", path=path, labels=(0,), frames=12, turned=turned)
    stored = read_frames(path, [5])
    shown = stored.transpose(1, 2).flip(2) if turned else stored
    tables = PacketTableCache(ByteBudget(10_000))
    for _ in range(2):
        assert torch.equal(frame_cache.read(lying, [5], tables), shown)
    assert tables.get(path) is not None


def test_a_folder_gives_its_pictures(tmp_path):
    pictures = pytest.importorskip("harness.data.reading.image_folder")
    for index in range(4):
        Image.fromarray(video_files.picture(index, 64, 48)).save(tmp_path / f"{index + 1:05d}.jpg")
    folder = Video(id="folder", path=tmp_path, labels=(0,), frames=4)
    assert torch.equal(frame_cache.read(folder, [1, 3]), pictures.read(tmp_path, [1, 3]))
    assert frame_cache.read(folder).shape == (4, 48, 64, 3)


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (0, 0),
        (frame_cache.MIN_CACHED_VIDEOS * BYTES - 1, 0),
        (frame_cache.MIN_CACHED_VIDEOS * BYTES, 1),
    ],
)
def test_a_video_is_kept_if_it_fits_a_share_of_the_room(video, room, kept):
    held = cache(room)
    wanted = np.array([2, 9, 9, 1])
    expected = read_frames(video.path)[wanted]
    for _ in range(2):
        assert torch.equal(held.read(video, wanted), expected)
        assert len(held.videos) == kept
    tables = sum(len(packed) for _, packed in held.tables.entries.values())
    assert 0 <= tables < BYTES / 100
    assert held.budget.left == room - kept * BYTES - tables


def test_a_full_room_keeps_no_more(video):
    held = cache(frame_cache.MIN_CACHED_VIDEOS * BYTES)
    held.budget.left = BYTES - 1
    held.read(video, np.array([0]))
    assert not held.videos
    assert held.tables.get(video.path) is not None


def test_clips_of_kinetics_are_not_decoded_whole():
    assert FrameCache(512).max_video_bytes < 300 * 340 * 256 * 3
    assert FrameCache(512).max_video_bytes > 64 * 32 * 32 * 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DamagedVideoError, match=r"gone\.mp4"):
        frame_cache.read(Video(id="gone", path=tmp_path / "gone.mp4", labels=(0,)), [0])
