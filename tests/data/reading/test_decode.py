import numpy as np
import pytest
import torch

from harness.data.datasets import desk
from harness.data.reading import sparse_decode
from harness.data.reading.decode import read_frames
from harness.data.video import DamagedVideoError
from tests.helpers import bad_videos


@pytest.fixture
def video(tmp_path):
    """A video whose frame i is the grey level 3 i."""
    path = tmp_path / "grey.mp4"
    grey = 3 * np.arange(64, dtype=np.uint8)[:, None, None, None]
    desk.write_mp4(path, np.ascontiguousarray(np.broadcast_to(grey, (64, 32, 32, 3))))
    return path


def test_wanted_frames_come_in_the_order_of_presentation(video):
    frames = read_frames(video, [0, 5, 17, 63])
    assert frames.shape == (4, 32, 32, 3)
    assert frames.float().mean((1, 2, 3)).sub(torch.tensor([0, 15, 51, 189.0])).abs().max() < 3


def test_a_part_equals_the_same_frames_of_the_whole(video):
    assert torch.equal(read_frames(video, [3, 30, 31]), read_frames(video)[[3, 30, 31]])


def test_a_frame_beyond_the_end_means_damage(video):
    with pytest.raises(DamagedVideoError, match="ends after 1 of 2"):
        read_frames(video, [3, 64])


def test_a_cut_file_is_named(video):
    video.write_bytes(video.read_bytes()[:2000])
    with pytest.raises(DamagedVideoError, match=r"grey\.mp4"):
        read_frames(video)


@pytest.mark.parametrize("content", [b"", b"<html>", bytes(100_000)])
def test_what_is_no_video_is_named(tmp_path, content):
    path = tmp_path / "odd.mp4"
    path.write_bytes(content)
    with pytest.raises(DamagedVideoError, match=r"odd\.mp4"):
        read_frames(path)


@pytest.mark.parametrize("read", [read_frames, sparse_decode.read_planned])
def test_a_file_in_an_unknown_coding_is_named(video, read):
    video.write_bytes(video.read_bytes().replace(b"avc1", b"zzz9"))
    with pytest.raises(DamagedVideoError, match=r"grey\.mp4: video codec is unknown"):
        read(video)


def test_a_file_without_pictures_is_named(tmp_path):
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        silence.sample_rate = 44100
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    with pytest.raises(DamagedVideoError, match=r"sound\.mp4"):
        read_frames(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DamagedVideoError, match=r"gone\.mp4"):
        read_frames(tmp_path / "gone.mp4")


@pytest.mark.parametrize("read", [read_frames, sparse_decode.read_planned])
def test_a_header_with_text_that_is_not_utf8_is_read(tmp_path, read):
    path = bad_videos.write(tmp_path / "a.mkv", n=10)
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"DURATI\xee\xee"))
    assert [bad_videos.frame_number(frame) for frame in read(path)] == list(range(10))
