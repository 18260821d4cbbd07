"""Training copies: what they hold, and that a stopped run goes on."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from harness.cli.data.copy import copy_videos as command
from harness.data import find_packet_index, passport
from harness.data.datasets import desk
from harness.data.passport import Passport
from harness.data.prepare.copies import copy, copy_journal, reencode
from harness.data.prepare.copies.reencode import EncodeSettings
from harness.data.reading import decode, frame_cache, sparse_decode
from harness.data.reading.decode import read_frames
from harness.data.video import Video
from tests.helpers import video_files

COUNT = 24
FAST = EncodeSettings(preset="ultrafast")


def video(path, root, *, frames=COUNT, label=1):
    name = path.relative_to(root).as_posix()
    sha256 = passport.file_sha256(path)
    return Video(id=name, path=path, labels=(label,), frames=frames, sha256=sha256)


@pytest.fixture
def sources(tmp_path):
    """Three videos of different kinds in two folders."""
    root = tmp_path / "sources"
    paths = []
    for name, kind in {
        "a/one.mp4": "open GOP",
        "a/two.avi": "motion JPEG",
        "b/x.webm": "VP9",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        paths.append(video_files.write(root / name, video_files.KINDS[kind], frames=COUNT))
    return root, [video(path, root) for path in paths]


def away(ours, theirs):
    return (ours.float() - theirs.float()).abs().mean((1, 2, 3)).max()


def test_a_copy_has_the_frames_of_its_source_one_for_one(sources, tmp_path):
    root, videos = sources
    made = copy.copy_videos(videos, root, tmp_path / "copies", settings=EncodeSettings(crf=5))
    for original, found in zip(
        videos, copy.copies_as_videos(videos, made, root, tmp_path / "copies"), strict=True
    ):
        assert found.path == tmp_path / "copies" / original.path.relative_to(root)
        assert (found.id, found.label, found.frames) == (original.id, 1, COUNT)
        frames = read_frames(found.path)
        assert len(frames) == COUNT
        assert away(frames, read_frames(original.path)) < 6


def test_a_frame_of_a_copy_needs_at_most_three_packets(sources, tmp_path):
    root, videos = sources
    copy.copy_videos(videos, root, tmp_path / "copies")
    known = sparse_decode.build_index(tmp_path / "copies" / "a" / "one.mp4")
    needed = [
        len(run)
        for packet in range(COUNT)
        for run in sparse_decode.packet_index.packet_runs(known, {packet})
    ]
    assert max(needed) == 3


@pytest.mark.parametrize(
    ("size", "copied"),
    [
        ((340, 256), (340, 256)),
        ((1280, 720), (456, 256)),
        ((720, 1280), (256, 456)),
        ((101, 57), (100, 56)),
        ((3000, 200), (3000, 200)),
        ((2, 2), (2, 2)),
        ((4096, 257), (4080, 256)),
    ],
)
def test_the_short_side_shrinks_and_never_grows(size, copied):
    assert reencode.scaled_size(*size, 256) == copied


@pytest.mark.parametrize("turn", ["turned right", "mirrored", "transposed"])
def test_a_copy_is_upright(tmp_path, turn):
    root = tmp_path / "sources"
    root.mkdir()
    path = video_files.write(root / "turned.mp4", video_files.KINDS["GOP 12"], frames=COUNT)
    video_files.turn(path, video_files.QUARTERS[turn])
    copy.copy_videos([video(path, root)], root, tmp_path / "copies", settings=EncodeSettings(crf=5))
    upright = sparse_decode.read_planned(path, [0, 9], upright=True)
    assert away(read_frames(tmp_path / "copies" / "turned.mp4", [0, 9]), upright) < 6


def test_a_copy_keeps_colours_of_full_range(tmp_path):
    root = tmp_path / "sources"
    root.mkdir()
    path = video_files.write(root / "full.avi", video_files.KINDS["motion JPEG"], frames=COUNT)
    copy.copy_videos([video(path, root)], root, tmp_path / "copies", settings=EncodeSettings(crf=5))
    ours, theirs = read_frames(tmp_path / "copies" / "full.avi"), read_frames(path)
    assert (ours.float().mean() - theirs.float().mean()).abs() < 1


def test_damaged_videos_are_named_and_not_copied(sources, tmp_path):
    root, (one, two, three) = sources
    two.path.write_bytes(two.path.read_bytes()[:3000])
    cut = replace(two, sha256=passport.file_sha256(two.path))
    gone = replace(one, id="gone", path=root / "gone.mp4")
    changed = replace(three, id="changed", sha256="0" * 64)
    short = replace(three, id="short", frames=COUNT + 1)
    made = copy.copy_videos([one, cut, gone, changed, short], root, tmp_path / "copies")
    assert [each.id for each in made if not each.damage] == [one.id]
    reasons = {each.id: each.damage for each in made}
    assert "two.avi" in reasons[two.id]
    assert "missing" in reasons["gone"]
    assert "differs" in reasons["changed"]
    assert "24 frames, 25 in the passport" in reasons["short"]
    files = {path.name for path in (tmp_path / "copies").rglob("*") if path.is_file()}
    assert files == {"one.mp4", "copies.json", "copies.jsonl", "lock", "lock.json"}
    listed = json.loads((tmp_path / "copies" / "copies.json").read_text())
    assert {each["id"]: each["damage"] for each in listed["copies"]} == reasons


def test_the_passport_names_sources_copies_and_settings(sources, tmp_path):
    root, videos = sources
    copy.copy_videos(videos, root, tmp_path / "copies", settings=FAST)
    body = json.loads((tmp_path / "copies" / "copies.json").read_text())
    assert body["settings"]["options"]["g"] == "4"
    assert body["settings"]["options"]["tune"] == "fastdecode"
    for original, entry in zip(videos, body["copies"], strict=True):
        path = tmp_path / "copies" / original.path.relative_to(root)
        assert entry["source_sha256"] == original.sha256
        assert entry["sha256"] == passport.file_sha256(path)


def test_a_second_run_copies_only_what_is_missing_or_new(sources, tmp_path):
    root, videos = sources
    folder, seen = tmp_path / "copies", []
    copy.copy_videos(videos[:2], root, folder, settings=FAST)
    before = (folder / "a" / "one.mp4").stat().st_mtime_ns
    (folder / "a" / "two.avi").write_bytes(b"half")
    copy.copy_videos(videos, root, folder, settings=FAST, progress=lambda *step: seen.append(step))
    assert seen == [("copies", 2, 3), ("copies", 3, 3)]
    assert (folder / "a" / "one.mp4").stat().st_mtime_ns == before
    assert (folder / "a" / "two.avi").stat().st_size > 4
    assert len(json.loads((folder / "copies.json").read_text())["copies"]) == 3


def test_a_changed_source_is_copied_anew(sources, tmp_path):
    root, (one, *_) = sources
    first = copy.copy_videos([one], root, tmp_path / "copies", settings=FAST)
    video_files.write(one.path, video_files.KINDS["GOP 12"], frames=COUNT)
    second = copy.copy_videos([video(one.path, root)], root, tmp_path / "copies", settings=FAST)
    assert first[0].source_sha256 != second[0].source_sha256
    assert not second[0].damage


def test_a_copy_whose_bytes_changed_is_not_believed_for_its_size(sources, tmp_path):
    root, (one, *_) = sources
    folder = tmp_path / "copies"
    copy.copy_videos([one], root, folder, settings=FAST)
    target = folder / "a" / "one.mp4"
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    (again,) = copy.copy_videos([one], root, folder, settings=FAST)
    assert passport.file_sha256(target) == again.sha256
    assert target.read_bytes() != content


@pytest.mark.parametrize(
    "junk",
    [
        {"id": "a/one.mp4"},
        {"id": "a/one.mp4", "source_sha256": "", "sha256": "", "bytes": -1, "damage": ""},
        {"id": "a/one.mp4", "source_sha256": 7, "sha256": "", "bytes": 1, "damage": ""},
        {"id": ["x"], "source_sha256": "", "sha256": "", "bytes": 1, "damage": ""},
        {"unknown": 1},
        [],
    ],
    ids=repr,
)
def test_a_row_of_the_journal_that_is_none_is_skipped_and_said(sources, tmp_path, junk, caplog):
    root, (one, *_) = sources
    folder = tmp_path / "copies"
    made = copy.copy_videos([one], root, folder, settings=FAST)
    with (folder / copy_journal.JOURNAL).open("a") as file:
        file.write(json.dumps(junk) + "\n")
    assert copy.copy_videos([one], root, folder, settings=FAST) == made
    assert "1 damaged line is skipped" in caplog.text


@pytest.mark.parametrize(("torn", "repeated"), [(1, 0), (2, 1), (20, 1), (100, 1)])
def test_a_torn_journal_loses_its_last_line_alone(sources, tmp_path, torn, repeated):
    root, videos = sources
    folder, seen = tmp_path / "copies", []
    whole = copy.copy_videos(videos, root, folder, settings=FAST)
    journal = folder / copy_journal.JOURNAL
    journal.write_bytes(journal.read_bytes()[:-torn])
    again = copy.copy_videos(
        videos, root, folder, settings=FAST, progress=lambda *step: seen.append(step)
    )
    assert seen == [("copies", 3, 3)] * repeated
    assert again[:2] == whole[:2]


def test_other_settings_need_another_folder(sources, tmp_path):
    root, videos = sources
    copy.copy_videos(videos[:1], root, tmp_path / "copies", settings=FAST)
    with pytest.raises(ValueError, match=r"copies made otherwise .*ultrafast.*another folder"):
        copy.copy_videos(videos[:1], root, tmp_path / "copies", settings=replace(FAST, crf=30))


def test_the_folder_of_the_sources_is_refused(sources):
    root, videos = sources
    with pytest.raises(ValueError, match="copies need another folder"):
        copy.copy_videos(videos, root, root)


def test_a_source_outside_the_root_is_refused(sources, tmp_path):
    root, videos = sources
    with pytest.raises(ValueError, match="is not in"):
        copy.copy_videos(videos, root / "b", tmp_path / "copies")


@pytest.mark.slow
def test_several_processes_make_the_same_copies(sources, tmp_path):
    root, videos = sources
    for name, processes in {"alone": 1, "helped": 2}.items():
        copy.copy_videos(videos, root, tmp_path / name, settings=FAST, processes=processes)
    for original in videos:
        alone, helped = (
            read_frames(tmp_path / name / original.path.relative_to(root))
            for name in ("alone", "helped")
        )
        assert away(alone, helped) < 2


KILLED = """
import sys
from pathlib import Path
from harness.data.prepare.copies import copy
source, folder = map(Path, sys.argv[1:])
copy.copy_data_set(source, folder, progress=lambda *step: print(*step, flush=True))
"""


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path):
    (source,) = desk_set(tmp_path)
    words = [sys.executable, "-c", KILLED, str(source), str(tmp_path / "copies")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    made = list((tmp_path / "copies").rglob("*.mp4"))
    before = {path: path.stat().st_mtime_ns for path in made[:3]}
    assert len(before) == 3
    assert not (tmp_path / "copies" / "copies.json").exists()
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert 0 < len(done.stdout.splitlines()) <= 33
    same = [path.stat().st_mtime_ns == stamp for path, stamp in before.items()]
    assert sum(same) >= 2
    passport.verify(passport.read(tmp_path / "copies" / "passport.json").splits["train"])
    assert not list((tmp_path / "copies").rglob("*.part"))


def desk_set(tmp_path):
    desk.videos(tmp_path / "data", train_videos=24, test_videos=12)
    return (tmp_path / "data").glob("desk-*/")


@pytest.mark.slow
def test_the_command_copies_a_data_set_with_its_passport(tmp_path):
    (source,) = desk_set(tmp_path)
    (source / "train" / "00003.mp4").unlink()
    words = [str(source), str(tmp_path / "copies"), "--preset", "ultrafast", "--json"]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 1
    body = json.loads(done.stdout)
    assert body["copies"] == 35
    assert list(body["damaged"]) == ["train/00003"]
    assert "copies: 36 of 36" in done.stderr
    splits = passport.read(tmp_path / "copies" / "passport.json").splits
    assert {split: len(videos) for split, videos in splits.items()} == {"train": 23, "test": 12}
    passport.verify(splits["test"])
    original = passport.read(source / "passport.json").splits["test"][0]
    assert splits["test"][0].label == original.label
    assert torch.equal(
        sparse_decode.read_planned(splits["test"][0].path, [3]),
        read_frames(splits["test"][0].path, [3]),
    )


def test_a_folder_without_a_passport_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"has no passport\.json"):
        copy.copy_data_set(tmp_path, tmp_path / "copies")


def test_a_copy_keeps_what_is_listed_and_says_that_it_is_one(tmp_path, sources):
    root, videos = sources
    known = Passport(
        splits={"train": videos[:1], "test": videos[1:]},
        listed={"train": 5, "test": 50},
        classes=("run", "walk"),
        root=root,
    )
    passport.write(tmp_path / "data" / "mine" / "passport.json", known)
    copy.copy_data_set(tmp_path / "data" / "mine", tmp_path / "copies")
    copied = passport.read(tmp_path / "copies" / "passport.json")
    assert (copied.listed, copied.classes) == (known.listed, known.classes)
    assert copied.changed == "training copies: short side 256, H.264, crf 23, groups of 4"
    assert copied.digest != known.digest
    passport.verify(copied.splits["train"] + copied.splits["test"])
    assert copied.root == tmp_path / "copies"


def test_folders_of_pictures_are_not_copied(tmp_path):
    (tmp_path / "frames").mkdir()
    video = Video(id="frames", path=tmp_path / "frames", labels=(0,), frames=9)
    passport.write(tmp_path / "passport.json", passport.complete_passport({"train": [video]}))
    with pytest.raises(
        ValueError, match=r"1 videos of .* are folders of pictures, such as frames;"
    ):
        copy.copy_data_set(tmp_path, tmp_path / "copies")


@pytest.mark.slow
def test_a_copy_has_a_packet_index_whose_first_reads_open_no_container(tmp_path, monkeypatch):
    (source,) = desk_set(tmp_path)
    folder = tmp_path / "data" / "copies"
    copy.copy_data_set(source, folder, settings=FAST)
    known = passport.read(folder / passport.FILE)
    index = find_packet_index("copies", tmp_path / "data", known.digest)
    videos = [*known.splits["train"], *known.splits["test"]]
    right = [read_frames(video.path, [3, 40]) for video in videos]
    for module in (sparse_decode, frame_cache, decode):
        monkeypatch.setattr(module, "open_video", None)
    cache = frame_cache.FrameCache(0, index=index)
    for video, expected in zip(videos, right, strict=True):
        assert torch.equal(cache.read(video, np.array([3, 40])), expected)


@pytest.mark.slow
def test_copies_of_a_journal_without_packets_have_no_index_and_stay(tmp_path):
    (source,) = desk_set(tmp_path)
    folder = tmp_path / "data" / "copies"
    copy.copy_data_set(source, folder, settings=FAST)
    rows = [json.loads(line) for line in (folder / copy_journal.JOURNAL).read_text().splitlines()]
    for row in rows:
        row.pop("packets", None)
    (folder / copy_journal.JOURNAL).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.mp4")}
    copy.copy_data_set(source, folder, settings=FAST)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.mp4")} == before
    assert not (folder / "passport.packets").exists()
