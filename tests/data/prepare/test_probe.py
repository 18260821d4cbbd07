"""What one video is, judged in a child process with little time and little memory."""

import json
import re
import socket
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from functools import partial
from hashlib import sha256

import av
import numpy as np
import pytest
from PIL import Image

from harness.data import gate, passport
from harness.data.gate import Limits
from harness.data.prepare import probe_pool
from harness.data.prepare.probe_pool import ProbeProcess, ProbeSettings
from harness.data.prepare.video_facts import describe_timing, frame_times
from harness.data.reading import frame_cache
from harness.data.reading.decode import read_frames
from harness.data.video import DamagedVideoError, RefusedVideoError, Video
from tests.helpers import bad_videos, video_files

STRICT = ProbeSettings(seconds=5, memory_mb=300)


def ask(path, settings=STRICT):
    worker = ProbeProcess(settings)
    try:
        return worker.ask(path, path.parent)
    finally:
        worker.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    bad_videos.make_all(folder)
    return folder


@pytest.fixture(scope="module")
def found(folder):
    """The facts of every bad video, and how much memory one child kept after all of them."""
    worker = ProbeProcess(STRICT)
    try:
        return {each.name: worker.ask(folder / each.file, folder) for each in bad_videos.CASES} | {
            "MB": probe_pool.resident_mb(worker.child.pid)
        }
    finally:
        worker.close()


@pytest.mark.parametrize("case", bad_videos.CASES, ids=lambda case: case.name)
def test_every_bad_video_gets_its_verdict(found, case):
    facts = found[case.name]
    assert facts.verdict == case.verdict, facts.reason
    assert bool(facts.reason) == (case.verdict != "ok")
    if case.verdict == "ok":
        assert (facts.frames, facts.width, facts.height) == (case.frames, *case.size)


def test_reading_bad_videos_leaves_no_memory_behind(found):
    assert found["MB"] < 150


def test_frames_of_sound_videos_are_those_that_were_written(folder, found):
    for case in bad_videos.CASES:
        if case.verdict == "ok" and case.size == (96, 64):
            shown = [bad_videos.frame_number(frame) for frame in read_frames(folder / case.file)]
            assert shown == list(range(found[case.name].frames)), case.name


def test_facts_beyond_the_verdict(folder, found):
    assert found["rotated"].rotation == -90
    assert found["rotated"].turned is True
    assert found["good"].turned is False
    assert found["anamorphic"].sample_aspect == "3/2"
    assert found["late_start"].first == found["late_start"].start == 100_000
    assert found["variable_fps"].average_fps == 30
    assert found["variable_fps"].true_fps == pytest.approx(39 / 7.3)
    assert frame_times(found["variable_fps"])[19:21] == [380, 5400]
    assert found["good"].step == "512"
    assert found["sound_first"].codec == "h264"
    assert found["no_count"].header_frames is None
    assert found["no_key_frame_start"].key_start is False
    assert found["good"].key_start is True
    assert found["good"].sha256 == passport.file_sha256(folder / "good.mp4")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("truncated_no_index", "moov atom not found"),
        ("concat_sibling", "format concat is not allowed"),
        ("audio_only", "file has no video stream"),
        ("cover_art", "file has no video stream"),
        ("pipe", "not a regular file"),
        ("zero_byte", "file is empty"),
        ("frame_count_lie", "30 of the 3000 frames"),
        ("huge_flat", "8192x8192"),
        ("same_pts", "time stamps do not increase"),
        ("size_change", "frame 15 differs in size from the first"),
        ("no_key_frame_start", "video starts without a key frame"),
    ],
)
def test_a_reason_names_the_cause(found, name, words):
    assert words in found[name].reason


@pytest.mark.slow
def test_a_reason_does_not_leak_into_the_next_file(folder):
    worker = ProbeProcess(STRICT)
    names = ["truncated_no_index.mp4", "good.mp4", "truncated_no_index.mp4", "html_404.mp4"]
    reasons = [worker.ask(folder / name, folder).reason for name in names]
    worker.close()
    assert reasons[1] == ""
    assert reasons[0] == reasons[2]
    assert "repeated" not in reasons[3]


@pytest.mark.slow
def test_a_cut_without_new_coding_counts_what_is_shown(tmp_path):
    """The edit list hides frames that the header counts."""
    whole = bad_videos.write(tmp_path / "whole.mp4", n=90, enc={"g": "30", "sc_threshold": "0"})
    with av.open(str(whole)) as source, av.open(str(tmp_path / "cut.mp4"), "w") as target:
        (stream,) = source.streams.video
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None and packet.pts >= 30 * 512:
                packet.pts, packet.dts = packet.pts - 45 * 512, packet.dts - 45 * 512
                packet.stream = copy
                target.mux(packet)
    facts = ask(tmp_path / "cut.mp4")
    assert (facts.verdict, facts.frames) == ("odd", 45)
    assert facts.reason == "header counts 60 frames, 45 were decoded"
    assert bad_videos.frame_number(read_frames(tmp_path / "cut.mp4")[0]) == 45


@pytest.mark.slow
def test_a_link_out_of_the_root_is_refused_and_one_inside_is_followed(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    outside = bad_videos.write(tmp_path / "outside.mp4", n=10)
    inside = bad_videos.write(root / "inside.mp4", n=10)
    for name, target in {"out.mp4": outside, "in.mp4": inside}.items():
        (root / name).symlink_to(target)
    assert ask(root / "in.mp4").verdict == "ok"
    refused = ask(root / "out.mp4")
    assert (refused.verdict, refused.sha256) == ("refused", None)
    assert "outside" in refused.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a" * 300 + ".mp4", "nul\0.mp4"])
def test_an_impossible_name_is_refused(tmp_path, name):
    assert ask(tmp_path / name).verdict == "refused"


@pytest.mark.slow
def test_no_file_makes_the_reader_call_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        for suffix in (".mp4", ".m3u8", ".ts"):
            path = tmp_path / f"list{suffix}"
            path.write_text(f"#EXTM3U\n#EXTINF:1.0,\n{address}\n#EXT-X-ENDLIST\n")
            assert ask(path).verdict in ("refused", "damaged")
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.slow
def test_text_that_is_not_utf8_is_no_fault_of_the_pictures(tmp_path):
    path = bad_videos.write(tmp_path / "a.mkv", n=10)
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"DURATI\xee\xee"))
    facts = ask(path)
    assert (facts.verdict, facts.frames) == ("ok", 10)


@pytest.mark.slow
@pytest.mark.parametrize("name", video_files.QUARTERS)
def test_a_turn_or_a_mirror_is_noted(tmp_path, name):
    path = video_files.write(tmp_path / "turned.mp4", video_files.KINDS["GOP 12"], frames=10)
    video_files.turn(path, video_files.QUARTERS[name])
    facts = ask(path)
    assert (facts.verdict, facts.turned) == ("ok", name != "stored")


@pytest.mark.slow
def test_a_matrix_that_readers_refuse_is_refused(tmp_path):
    path = video_files.write(tmp_path / "slanted.mp4", video_files.KINDS["GOP 12"], frames=10)
    video_files.turn(path, (0.6, 0.8, -0.8, 0.6))
    facts = ask(path)
    assert facts.verdict == "refused"
    assert "not made of quarter turns and mirrors" in facts.reason


@pytest.mark.slow
def test_the_reader_of_videos_starts_without_torch():
    program = (
        "import sys, harness.data, harness.data.prepare.probe; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.slow
def test_limits_are_those_asked_for(tmp_path):
    path = bad_videos.write(tmp_path / "a.mp4", n=30)
    for limits, words in {
        Limits(max_pixels=96 * 64 - 1): "over 6143 pixels",
        Limits(max_aspect=1): "an aspect ratio over 1",
        Limits(max_frames=29): "30 frames, over 29",
        Limits(max_seconds=0.5): "1 s, over 0",
        Limits(min_frames=31): "30 frames, fewer than 31",
    }.items():
        assert words in ask(path, ProbeSettings(limits=limits)).reason


@pytest.mark.parametrize(
    "stamps",
    [[0], [5, 5, 5], [0, 512, 1024], [0, 33, 67, 100, 133], [3, 1, 2], [0, 20, 5400, 5500]],
)
def test_time_stamps_survive_being_kept_compactly(stamps):
    found = describe_timing(stamps, Fraction(1, 1000), [Fraction(30), None])
    kept = len(found["stamps"])
    assert kept == (0 if stamps[1:2] != [1] and stamps[-1] != 5500 else len(stamps))
    facts = {key: found.get(key) for key in ("frames", "first", "step", "stamps")}
    assert frame_times(probe_pool.Facts(verdict="ok", **json.loads(json.dumps(facts)))) == stamps


def mutated(data, rng):
    """Flip, overwrite, cut, drop, repeat or blank some bytes."""
    data = bytearray(data)
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 40))
    part = slice(at, min(at + length, len(data)))
    kind = rng.integers(6)
    if kind == 0:
        for place in rng.integers(len(data), size=rng.integers(1, 8)):
            data[place] ^= 1 << rng.integers(8)
    elif kind == 1:
        data[part] = rng.integers(0, 256, len(data[part]), dtype=np.uint8).tobytes()
    elif kind == 2:
        del data[at:]
    elif kind == 3:
        del data[part]
    elif kind == 4:
        data[at:at] = data[part]
    else:
        data[part] = bytes(len(data[part]))
    return bytes(data)


@pytest.mark.slow
def test_no_mutation_ends_the_reader_or_passes_with_wrong_frames(tmp_path):
    """H.264 has no check sum: a changed bit may decode without a word, and only the hash shows it.

    Of these 500 one does so, in one frame. In a trial the passport of the good file flags them all.
    """
    whole = bad_videos.write(tmp_path / "good.mp4", n=24, enc={"g": "8"}).read_bytes()
    paths = [tmp_path / f"{number:03}.mp4" for number in range(500)]
    for number, path in enumerate(paths):
        path.write_bytes(mutated(whole, np.random.default_rng([7, number])))
    silent = []
    for path, facts in probe_pool.probe_all(paths, tmp_path, STRICT):
        assert facts.verdict in ("ok", "odd", "too short", "damaged", "refused"), path.name
        if facts.verdict == "ok":
            shown = [bad_videos.frame_number(frame) for frame in read_frames(path)]
            if shown != list(range(24)):
                silent.append(path.name)
                assert len(path.read_bytes()) == len(whole)
    assert len(silent) <= 2
    known = Video(id="good", path=tmp_path, labels=(0,), sha256=sha256(whole).hexdigest())
    for path in paths:
        if path.read_bytes() != whole:
            with pytest.raises(
                DamagedVideoError, match="content differs from the hash in the passport"
            ):
                passport.verify([replace(known, path=path)])


REFUSED = [case for case in bad_videos.CASES if case.verdict == "refused"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_trial_refuses_what_the_check_refuses_with_the_same_reason(folder, found, case):
    """Case by case: scripts, playlists, pipes, covers, huge pictures, long claims, odd shapes."""
    path = folder / case.file
    for read in (frame_cache.read, frame_cache.FrameCache(64).read):
        with pytest.raises(DamagedVideoError, match=re.escape(found[case.name].reason)):
            read(Video(id="a", path=path, labels=(0,), frames=8), np.array([0]))


def big_picture(path):
    write_lossless(path, 8192, 2048)


def long_picture(path):
    write_lossless(path, 4096, 64)


def write_lossless(path, width, height):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        frame = av.VideoFrame(width, height, "gray")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for packet in (*[p for _ in range(8) for p in stream.encode(frame)], *stream.encode()):
            out.mux(packet)


def script_of_a_link(path):
    private = bad_videos.write(path.parent.parent / "private.mp4", n=10)
    (path.parent / "inner.mp4").symlink_to(private)
    path.write_text("ffconcat version 1.0\nfile inner.mp4\n")


def playlist_of_a_neighbour(path):
    bad_videos.write(path.parent / "inner.mp4", n=10)
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ninner.mp4\n#EXT-X-ENDLIST\n")


def moving_gif(path):
    pictures = [Image.fromarray(bad_videos.picture(i, 64, 64)) for i in range(10)]
    pictures[0].save(path, format="gif", save_all=True, append_images=pictures[1:])


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [big_picture, long_picture, script_of_a_link, playlist_of_a_neighbour, moving_gif],
    ids=lambda make: make.__name__,
)
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_what_the_check_refuses_is_not_read_under_any_name(tmp_path, make, suffix):
    root = tmp_path / "data"
    root.mkdir()
    make(root / "made.mkv")
    path = (root / "made.mkv").rename(root / f"a{suffix}")
    facts = ask(path)
    assert facts.verdict in ("refused", "damaged")  # no reader is chosen for some by their name
    reason = re.escape(facts.reason) if facts.verdict == "refused" else None
    with pytest.raises(DamagedVideoError, match=reason):
        frame_cache.read(Video(id="a", path=path, labels=(0,), frames=8), [0])


def test_more_frames_than_the_check_allows_are_not_decoded(tmp_path, monkeypatch):
    path = bad_videos.write(tmp_path / "a.mkv", n=20)
    few = partial(gate.check_count, limits=Limits(max_frames=10))
    monkeypatch.setattr(gate, "check_count", few)
    with pytest.raises(RefusedVideoError, match="video has more than 10 frames"):
        read_frames(path)
    assert len(read_frames(path, [0, 9])) == 2


def test_a_cache_takes_no_more_frames_than_the_passport_says(tmp_path):
    path = bad_videos.write(tmp_path / "a.mp4", n=30)
    cache = frame_cache.FrameCache(640)
    video = Video(id="a", path=path, labels=(0,), frames=8)
    assert len(cache.read(video, np.array([0, 7]))) == 2
    assert len(cache.videos[path]) == 8


@pytest.mark.slow
def test_the_time_from_the_first_frame_to_the_last_is_limited(tmp_path):
    """The header of this container says nothing of its length."""
    path = bad_videos.write(tmp_path / "a.mp4", n=10)
    limits = Limits(max_seconds=0.2)
    assert describe_timing([0, 7200 * 512], Fraction(1, 512), ())["lasts_s"] == 7200
    assert ask(path, replace(STRICT, limits=limits)).verdict == "refused"
