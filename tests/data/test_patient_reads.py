"""A video is damaged only if its content is: storage that fails is waited for."""

import errno
from dataclasses import replace

import pytest

from harness.data import patient_reads
from harness.data.dataset import ClipDataset, ClipRequest
from harness.data.passport import file_sha256
from harness.data.patient_reads import UnreadableVideoError, read_patiently
from harness.data.reading import frame_cache
from harness.data.reading.frame_cache import FrameCache
from harness.data.video import DamagedVideoError, Video
from harness.data.workers import Workers
from harness.utils.transient import TransientError, is_transient
from tests.helpers import video_files

STALE = OSError(errno.ESTALE, "Stale file handle")
CUT = DamagedVideoError("frame 3 is corrupt")


@pytest.fixture
def waits(monkeypatch):
    """List the seconds that reading waits."""
    seconds = []
    monkeypatch.setattr(patient_reads.time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"frames")
    return Video(id="a", path=path, labels=(0,), sha256=file_sha256(path), frames=3)


def reading(video, *errors, retries=3):
    """Read a video that gives these errors first; return what came and how often it was read."""
    left, reads = list(errors), []

    def make():
        reads.append(video)
        if left:
            raise left.pop(0)
        return "clip"

    return read_patiently(make, video, retries=retries, wait_s=7), len(reads)


def wrapped(cause):
    """Return an error as readers raise it: about the video, caused by storage."""
    error = DamagedVideoError("cannot be opened")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "kind", [errno.ESTALE, errno.EIO, errno.ETIMEDOUT, errno.ESHUTDOWN], ids=errno.errorcode.get
)
def test_a_passing_failure_of_storage_is_waited_for(video, waits, kind):
    failure = OSError(kind, "storage")
    assert reading(video, failure, wrapped(failure)) == ("clip", 3)
    assert waits == [7, 7]


@pytest.mark.parametrize("error", [CUT, FileNotFoundError(errno.ENOENT, "missing")], ids=repr)
def test_a_damaged_video_is_not_the_cause_of_its_own_error(video, error):
    video.path.write_bytes(b"others")
    with pytest.raises(DamagedVideoError) as caught:
        reading(video, error)
    assert caught.value.__cause__ is not caught.value


def test_errors_that_cause_each_other_come_to_an_end():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert not is_transient(first)
    second.__cause__ = second
    assert not is_transient(first)


def test_storage_that_stays_away_is_not_called_damage(video, waits):
    with pytest.raises(UnreadableVideoError, match=r"a\.mp4 cannot be read, .*Stale file handle.*"):
        reading(video, *[STALE] * 4)
    assert waits == [7, 7, 7]
    assert issubclass(UnreadableVideoError, TransientError)


def test_an_intact_video_that_did_not_decode_once_is_read_again_at_once(video, waits):
    assert reading(video, CUT) == ("clip", 2)
    assert waits == []


def test_an_intact_video_that_never_decodes_is_not_called_damaged(video, waits):
    with pytest.raises(ValueError, match="does not decode, though its content is that of") as told:
        reading(video, CUT, CUT, retries=9)
    assert not isinstance(told.value, (DamagedVideoError, TransientError))
    assert waits == []


@pytest.mark.parametrize("error", [CUT, STALE, wrapped(STALE)], ids=["cut", "stale", "wrapped"])
def test_a_video_whose_content_changed_is_damaged_whatever_was_said(video, waits, error):
    video.path.write_bytes(b"other frames")
    with pytest.raises(DamagedVideoError):
        reading(video, error)
    assert waits == []


def test_a_video_that_is_gone_is_damaged(video, waits):
    video.path.unlink()
    with pytest.raises(DamagedVideoError, match="No such file"):
        reading(video, FileNotFoundError(errno.ENOENT, "No such file", str(video.path)))
    assert waits == []


def test_a_video_that_cannot_even_be_hashed_is_waited_for(video, waits, monkeypatch):
    def fail(_):
        raise STALE

    monkeypatch.setattr(patient_reads, "video_sha256", fail)
    assert reading(video, STALE) == ("clip", 2)
    assert waits == [7]


def test_a_wrong_request_is_not_a_failure_of_storage(video, waits):
    with pytest.raises(ValueError, match="no such section"):
        reading(video, ValueError("no such section"))


def test_an_epoch_outlasts_a_failure_of_the_file_system(
    tiny_trial, runtime, tmp_path, waits, monkeypatch
):
    path = tmp_path / "b.mp4"
    video_files.write(path, video_files.KINDS["GOP 12"], frames=30)
    video = Video(id="b", path=path, labels=(0,), sha256=file_sha256(path), frames=30)
    read, failures = frame_cache.read_planned, [STALE, OSError(errno.EIO, "Input/output error")]

    def fail_twice(*args, **named):
        if failures:
            raise failures.pop()
        return read(*args, **named)

    monkeypatch.setattr(frame_cache, "read_planned", fail_twice)
    clips = ClipDataset(tiny_trial.data, seed=0, cache=FrameCache(10))
    workers = Workers(clips, replace(runtime, io_retries=2, io_wait_s=900))
    chunks = list(workers.chunks([[ClipRequest(video, 0)]]))
    assert len(chunks) == 1
    assert sum(waits) <= runtime.loader_timeout_s / 2
