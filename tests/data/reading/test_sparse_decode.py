"""Planned reading gives what reading in order gives, bit for bit, on every kind of file."""

import contextlib
import shutil
import subprocess
from tempfile import TemporaryFile
from unittest import mock

import av
import numpy as np
import pytest
import torch

from harness.data.reading import packet_index, packet_packing, packet_reader, sparse_decode
from harness.data.reading.container import open_video
from harness.data.reading.decode import read_frames
from harness.data.reading.index_cache import ByteBudget, PacketTableCache
from harness.data.reading.packet_index import NotPlainError, PacketTable
from harness.data.reading.packet_reader import PacketReader
from harness.data.video import DamagedVideoError
from tests.helpers import video_files

PLAIN = [name for name, kind in video_files.KINDS.items() if kind.plain]


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """Give a file of a kind, written once."""
    folder, written = tmp_path_factory.mktemp("movies"), {}

    def give(name):
        if name not in written:
            kind = video_files.KINDS[name]
            path = folder / f"{len(written)}{kind.suffix}"
            written[name] = video_files.write(path, kind)
        return written[name]

    return give


def draws(frames, count, seed):
    """Draw wanted frames: the ends, all, and random sets of every density."""
    rng = np.random.default_rng(seed)
    yield from ([0], [frames - 1], [0, frames - 1], list(range(frames)))
    for _ in range(count):
        size = int(rng.integers(1, frames // 2))
        yield np.sort(rng.choice(frames, size, replace=False)).tolist()


@pytest.mark.parametrize("name", video_files.KINDS)
def test_planned_reading_equals_reading_in_order(movie, name):
    """A plain kind by its plan alone, without the way out that `read_planned` has."""
    path = movie(name)
    whole = read_frames(path)
    for wanted in draws(len(whole), 6, seed=list(video_files.KINDS).index(name)):
        if video_files.KINDS[name].plain:
            found, _ = sparse_decode._decode_file(path, wanted)
        else:
            found = sparse_decode.read_planned(path, wanted)
        assert torch.equal(found, whole[wanted]), wanted


@pytest.mark.parametrize("name", video_files.KINDS)
def test_later_reads_equal_the_first(movie, name):
    """Also where the first one was in order, and left no table."""
    path, tables = movie(name), PacketTableCache(ByteBudget(10_000))
    whole = read_frames(path)
    for wanted in draws(len(whole), 3, seed=3):
        found = sparse_decode.read_planned(path, wanted, tables=tables)
        assert torch.equal(found, whole[wanted]), wanted
        assert (tables.get(path) is not None) == video_files.KINDS[name].plain


@pytest.mark.parametrize("name", PLAIN)
def test_indexed_reading_equals_reading_in_order(movie, name):
    path = movie(name)
    whole, known = read_frames(path), sparse_decode.build_index(path)
    for wanted in draws(len(whole), 6, seed=7):
        assert torch.equal(sparse_decode.read_indexed(path, wanted, known), whole[wanted]), wanted


@pytest.mark.parametrize("name", video_files.KINDS)
def test_the_rule_says_which_kinds_have_a_plan(movie, name):
    path = movie(name)
    assert (sparse_decode.build_index(path) is not None) == video_files.KINDS[name].plain
    if not video_files.KINDS[name].plain:
        with pytest.raises(packet_index.NotPlainError):
            sparse_decode._decode_file(path, [0, 31])


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="there is no ffmpeg program on PATH")
@pytest.mark.parametrize("name", video_files.KINDS)
def test_the_ffmpeg_program_decodes_the_same_planes(movie, name):
    """Every byte of every plane, before any conversion; those of the plan where there is one."""
    path = movie(name)
    words = ["ffmpeg", "-v", "error", "-noautorotate", "-i", path, "-map", "0:v:0"]
    words += ["-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    theirs = subprocess.run(words, capture_output=True, check=True).stdout
    with open_video(path) as (container, stream):
        if video_files.KINDS[name].plain:
            sent = sparse_decode._read_packets(container, stream)
            runs = packet_index.packet_runs(
                packet_index.build_table(container, stream, sent), range(len(sent))
            )
            frames = sparse_decode._decode_runs(stream.codec_context, runs, sent.__getitem__)
        else:
            frames = container.decode(stream)
        ours = b"".join(frame.to_ndarray().tobytes() for frame in frames)
    assert ours == theirs


def table(**changed):
    """Know a file of three groups: I B b P, I P, I b P, small letters disposable."""
    given = {
        "header": b"\1avcC",
        "colour": (0, 2, 2, 2),
        "matrix": (1, 0, 0, 1),
        "file_bytes": 1000,
        "pts": (0, 3, 1, 2, 4, 5, 6, 8, 7),
        "positions": tuple(range(48, 948, 100)),
        "sizes": (90,) * 9,
        "idr": (0, 4, 6),
        "disposable": frozenset({3, 8}),
    }
    return PacketTable(**(given | changed))


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        ({0}, [[0]]),
        ({3}, [[0, 1, 2, 3]]),
        ({2}, [[0, 1, 2]]),
        ({5}, [[4, 5]]),
        ({0, 7}, [[0], [6, 7]]),
        ({1, 3, 8}, [[0, 1, 2, 3], [6, 7, 8]]),
    ],
)
def test_a_run_goes_from_its_idr_picture_to_the_last_wanted_packet(wanted, runs):
    assert packet_index.packet_runs(table(), wanted) == runs


def test_a_disposable_picture_is_left_out_unless_it_is_wanted():
    known = table(pts=(0, 4, 1, 2, 3), idr=(0,), disposable=frozenset({2, 3, 4}))
    assert packet_index.packet_runs(known, {4}) == [[0, 1, 4]]


def test_a_packed_table_is_the_table(movie):
    known = sparse_decode.build_index(movie("GOP 12"))
    assert packet_packing.unpack(packet_packing.pack(known)) == known
    assert len(packet_packing.pack(known)) < 20 * video_files.FRAMES


def test_a_plan_decodes_less(movie):
    known = sparse_decode.build_index(movie("GOP 4"))
    assert sum(map(len, packet_index.packet_runs(known, {0, 30}))) <= 6


def test_no_wanted_frames_means_all(movie):
    path, tables = movie("GOP 12"), PacketTableCache(ByteBudget(10_000))
    assert torch.equal(sparse_decode.read_planned(path), read_frames(path))
    sparse_decode.read_planned(path, [3], tables=tables)
    assert torch.equal(sparse_decode.read_planned(path, tables=tables), read_frames(path))


def test_a_known_file_is_not_opened_as_a_container_again(movie, tmp_path, monkeypatch):
    path, tables = movie("GOP 12"), PacketTableCache(ByteBudget(10_000))
    first = sparse_decode.read_planned(path, [3, 17], tables=tables)
    monkeypatch.setattr(sparse_decode, "open_video", None)
    assert torch.equal(sparse_decode.read_planned(path, [3, 17], tables=tables), first)


def test_a_file_that_changed_is_read_anew(movie, tmp_path):
    path, tables = tmp_path / "changing.mp4", PacketTableCache(ByteBudget(10_000))
    shutil.copy(movie("GOP 12"), path)
    sparse_decode.read_planned(path, [3, 17], tables=tables)
    shutil.copy(movie("GOP 4"), path)
    assert tables.get(path) is None
    expected = read_frames(path, [3, 17])
    for _ in range(2):
        assert torch.equal(sparse_decode.read_planned(path, [3, 17], tables=tables), expected)
    path.unlink()
    with pytest.raises(DamagedVideoError, match=r"changing\.mp4"):
        sparse_decode.read_planned(path, [3, 17], tables=tables)


def test_a_full_room_takes_no_table_but_a_new_one_of_the_same_file(movie, tmp_path):
    path, other = movie("GOP 12"), movie("GOP 4")
    known = sparse_decode.build_index(path)
    tables = PacketTableCache(ByteBudget(len(packet_packing.pack(known))))
    for each in (path, other, path):
        tables.put(each, known)
    assert tables.get(path) == known
    assert tables.get(other) is None
    assert tables.budget.left == 0


@pytest.mark.parametrize("name", ["GOP 12", "VP9"])
def test_a_frame_beyond_the_end_means_damage(movie, name):
    with pytest.raises(DamagedVideoError, match="ends after 1 of 2"):
        sparse_decode.read_planned(movie(name), [3, video_files.FRAMES])


def test_a_table_of_another_file_is_not_trusted(movie):
    path, other = movie("GOP 12"), movie("GOP 250")
    frames = sparse_decode.read_indexed(path, [5, 40], sparse_decode.build_index(other))
    assert torch.equal(frames, read_frames(path, [5, 40]))


@pytest.mark.parametrize("content", [b"", b"<html>", bytes(100_000)])
def test_what_is_no_video_is_named(tmp_path, content):
    path = tmp_path / "odd.mp4"
    path.write_bytes(content)
    for read in (
        lambda: sparse_decode.read_planned(path, [0]),
        lambda: sparse_decode.build_index(path),
    ):
        with pytest.raises(DamagedVideoError, match=r"odd\.mp4"):
            read()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DamagedVideoError, match=r"gone\.mp4"):
        sparse_decode.read_planned(tmp_path / "gone.mp4", [0])


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_file_gives_right_frames_or_is_named(movie, tmp_path, share):
    content = movie("index first").read_bytes()
    whole = read_frames(movie("index first"))
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DamagedVideoError, match=r"cut\.mp4"):
        sparse_decode.read_planned(path, [0, video_files.FRAMES - 1])
    assert torch.equal(sparse_decode.read_planned(path, [0]), whole[[0]])


def shown_in_order(path):
    """Decode in order whatever still decodes, by time stamp."""
    found = {}
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            with contextlib.suppress(av.FFmpegError):
                found |= {
                    frame.pts: torch.from_numpy(frame.to_ndarray(format="rgb24"))
                    for frame in packet.decode()
                }
    return found


@pytest.mark.slow
def test_altered_bytes_give_right_frames_or_those_of_reading_in_order(movie, tmp_path):
    """A plan never adds damage of its own; damage that no decoder sees is the passport's work."""
    content, whole = movie("GOP 12").read_bytes(), read_frames(movie("GOP 12"))
    known, path, refused = sparse_decode.build_index(movie("GOP 12")), tmp_path / "altered.mp4", 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        altered = bytearray(content)
        for place in rng.integers(40, known.positions[-1], 3):
            altered[place] = int(rng.integers(256))
        path.write_bytes(altered)
        wanted = np.sort(rng.choice(video_files.FRAMES, 4, replace=False)).tolist()
        try:
            frames = sparse_decode.read_planned(path, wanted)
        except DamagedVideoError:
            refused += 1
            continue
        in_order = shown_in_order(path)
        for index, frame in zip(wanted, frames, strict=True):
            stamp = sorted(known.pts)[index]
            right = torch.equal(frame, whole[index])
            assert right or torch.equal(frame, in_order[stamp]), (seed, index)
    assert 3 < refused < 37


def read_ranges(table, runs, content):
    """Return the packets of runs, and the ranges of the file that were read for them."""
    ranges = []
    with TemporaryFile() as file:
        file.write(content)
        file.flush()
        reader = PacketReader(file.fileno(), table, 0, runs)
        with mock.patch.object(
            packet_reader.os,
            "pread",
            lambda _, size, start: ranges.append((start, size)) or content[start : start + size],
        ):
            packets = [bytes(reader(number)) for run in runs for number in run]
    return packets, ranges


def test_neighbours_are_read_together_and_what_lies_far_away_is_not():
    known = table(positions=(*range(48, 848, 100), 50_000), file_bytes=60_000)
    content = np.random.default_rng(0).bytes(60_000)
    runs = [[0, 1, 3], [4], [6, 8]]
    packets, ranges = read_ranges(known, runs, content)
    assert ranges == [(48, 690), (50_000, 90)]
    assert packets == [
        content[known.positions[n] : known.positions[n] + 90] for run in runs for n in run
    ]


@pytest.mark.parametrize(
    "positions", [(500,) * 9, tuple(range(848, -52, -100)), (0, 45, *range(90, 790, 100))]
)
def test_packets_in_any_places_are_right_or_refused(positions):
    known, content = table(positions=positions), np.random.default_rng(0).bytes(1000)
    try:
        packets, _ = read_ranges(known, [list(range(9))], content)
    except NotPlainError:
        return
    assert packets == [content[place : place + 90] for place in positions]


def test_packets_beyond_the_end_are_refused():
    with pytest.raises(NotPlainError, match="lie elsewhere"):
        read_ranges(table(), [[0, 1]], bytes(200))
