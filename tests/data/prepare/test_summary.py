"""What a check says of a data set as a whole."""

import csv
import json
from dataclasses import replace
from fractions import Fraction

import pytest

from harness.data import passport
from harness.data.datasets import desk
from harness.data.passport import Passport
from harness.data.prepare import summary, summary_files
from harness.data.prepare.check import CheckedVideo, check_videos
from harness.data.prepare.probe_pool import ProbeSettings
from harness.data.prepare.sources import DataSource
from harness.data.prepare.video_facts import PICTURES, Facts
from harness.data.video import Timing, Video

RECIPE = {"train_videos": 24, "test_videos": 12, "size_px": 16}


def checked(root, name, *, label=0, split="test", verdict="ok", sha256=None, reason=""):
    video = Video(id=name, path=root / name, labels=(label,))
    content = sha256 or f"hash of {split}/{name}"
    facts = Facts(verdict=verdict, reason=reason, frames=10, sha256=content)
    return CheckedVideo(split=split, video=video, facts=facts)


def source(found, root, **more):
    """Say that the lists name what was found."""
    splits = {}
    for each in found:
        splits.setdefault(each.split, []).append(each.video)
    return DataSource(name="made", root=root, splits=splits, **more)


@pytest.fixture
def mixed(tmp_path):
    """Five test videos of three classes, two of them lost, and two to train on."""
    return [
        checked(tmp_path, "a.mp4"),
        checked(tmp_path, "b.mp4", verdict="damaged", reason="it is empty"),
        checked(tmp_path, "c.mp4", label=2, sha256="same"),
        checked(tmp_path, "d.mp4", label=2, sha256="same"),
        checked(tmp_path, "=e|.mp4", label=1, verdict="missing", reason="there is no such file"),
        checked(tmp_path, "f.mp4", label=1, split="train", verdict="odd", reason="late"),
        checked(tmp_path, "g.mp4", label=3, split="train", sha256="same"),
    ]


def test_counts_stand_against_what_is_listed(mixed, tmp_path):
    found = summary.summarise(mixed, source(mixed, tmp_path))
    assert found.verdicts["test"] == {"ok": 3, "damaged": 1, "missing": 1}
    assert found.classes["test"] == {0: (1, 2), 1: (0, 1), 2: (2, 2)}
    assert found.present("test") == (3, 5)
    assert found.gaps == {"test": [1, 3], "train": [0, 2]}
    assert not found.clean


def test_a_class_without_any_video_is_named_in_each_split(mixed, tmp_path):
    found = summary.summarise(mixed, source(mixed, tmp_path, class_names=tuple("abcde")))
    assert found.gaps == {"test": [1, 3, 4], "train": [0, 2, 4]}
    assert "Classes without any video in test, left out of a mean over classes: 3" in (
        summary_files.to_markdown(found)
    )


def test_equal_files_and_leaks_are_found_by_their_hash(mixed, tmp_path):
    found = summary.summarise(mixed, source(mixed, tmp_path))
    together = ["test:c.mp4", "test:d.mp4", "train:g.mp4"]
    assert found.duplicates == [together]
    assert found.leaks == [together]


def test_one_id_in_two_splits_is_a_leak(tmp_path):
    pair = [checked(tmp_path, "a.mp4", split=split) for split in ("train", "test")]
    found = summary.summarise(pair, source(pair, tmp_path))
    assert found.duplicates == []
    assert found.leaks == [["test:a.mp4", "train:a.mp4"]]
    assert not found.clean


def test_equal_files_of_one_split_are_named_and_no_leak(tmp_path):
    pair = [checked(tmp_path, name, sha256="same") for name in ("a.mp4", "b.mp4")]
    found = summary.summarise(pair, source(pair, tmp_path))
    assert len(found.duplicates) == 1
    assert found.leaks == []
    assert found.clean


def test_files_that_no_list_names_are_found(mixed, tmp_path):
    for name in ("a.mp4", "stray.mp4", "deep/stray.webm", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert summary.summarise(mixed, source(mixed, tmp_path)).unlisted == [
        "deep/stray.webm",
        "stray.mp4",
    ]


def test_the_page_says_all_of_it(mixed, tmp_path):
    page = summary_files.to_markdown(summary.summarise(mixed, source(mixed, tmp_path)))
    assert "| test    |         1 |         1 |     0 |    3 |        5 |" in page
    assert "test: 3 of 5 videos are good (60.00 %)" in page
    assert "not comparable" in page
    assert "test: 2 of 3 classes lost videos." in page
    assert "Classes without any video in test" in page
    assert "In more than one split: 1\n\n- test:c.mp4 = test:d.mp4 = train:g.mp4" in page


def test_long_listings_are_cut_and_say_so(tmp_path):
    many = [checked(tmp_path, f"{n}.mp4", label=n, verdict="missing") for n in range(50)]
    for number in range(30):
        (tmp_path / f"stray{number}.mp4").touch()
    page = summary_files.to_markdown(summary.summarise(many, source(many, tmp_path)))
    assert "50 of 50 classes lost videos, the worst 20 here." in page
    assert "- and 10 more" in page


def test_bad_videos_are_listed_without_formulas(mixed, tmp_path):
    summary_files.write(
        mixed,
        summary.summarise(mixed, source(mixed, tmp_path)),
        source(mixed, tmp_path),
        tmp_path / "out",
    )
    bad = (tmp_path / "out" / "bad.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(bad.splitlines()))
    assert [(row["id"], row["verdict"]) for row in rows] == [
        ("b.mp4", "damaged"),
        ("'=e|.mp4", "missing"),
    ]


def test_names_cannot_command_a_terminal(tmp_path):
    odd = checked(tmp_path, "\x1b[2J.mp4", verdict="damaged", split="train")
    (tmp_path / "\x1b[2J\udcff2.mp4").touch()
    paths = summary_files.write(
        [odd],
        summary.summarise([odd], source([odd], tmp_path)),
        source([odd], tmp_path),
        tmp_path / "out",
    )
    for path in paths:
        assert b"\x1b" not in path.read_bytes()


@pytest.mark.slow
def test_desk_videos_are_all_sound_and_their_passport_is_the_same(tmp_path):
    splits = desk.videos(tmp_path, **RECIPE)
    folder = splits["train"][0].path.parents[1]
    done = check_videos(
        splits,
        folder,
        tmp_path / "out",
        ProbeSettings(processes=2),
        progress=lambda done, total, facts: None,
    )
    found = summary.summarise(done, source(done, folder))
    summary_files.write(done, found, source(done, folder), tmp_path / "out")
    assert found.clean
    assert found.unlisted == []
    again = passport.read(tmp_path / "out" / "passport.json")
    assert found.passport == again.digest == passport.complete_passport(splits).digest
    passport.verify(video for videos in again.splits.values() for video in videos)
    whole = json.loads((tmp_path / "out" / "check.json").read_text())
    assert {video["codec"] for video in whole["videos"]} == {"h264"}


def test_what_is_not_good_is_not_in_the_passport(mixed, tmp_path):
    good = summary.good_videos(mixed)
    assert {split: [video.id for video in videos] for split, videos in good.items()} == {
        "test": ["a.mp4", "c.mp4", "d.mp4"],
        "train": ["f.mp4", "g.mp4"],
    }


def test_an_official_list_that_is_longer_counts(tmp_path):
    found = [checked(tmp_path, "a.mp4"), checked(tmp_path, "b.mp4")]
    known = summary.summarise(found, source(found, tmp_path, official={"test": 100, "train": 9}))
    assert known.present("test") == (2, 100)
    page = summary_files.to_markdown(known)
    assert "test: 2 of 100 videos are good (2.00 %)" in page
    assert "not comparable" in page
    assert "Its list here names 2; the official one 100." in page
    assert known.clean


def test_classes_are_named_where_names_are_known(tmp_path):
    found = [checked(tmp_path, "a.mp4", label=1, verdict="damaged")]
    names = ("run", "walk", "a|\x1b[2J")
    page = summary_files.to_markdown(
        summary.summarise(found, source(found, tmp_path, class_names=names))
    )
    assert "| 1 walk  |" in page
    assert "over classes: 3\n\n- 0 run\n- 1 walk\n- 2 a\\|" in page
    assert "\x1b" not in page


def test_pictures_of_a_listed_folder_are_not_strays(tmp_path):
    found = [checked(tmp_path, "frames")]
    for name in ("frames/stray.mp4", "stray.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert summary.summarise(found, source(found, tmp_path)).unlisted == ["stray.mp4"]


def test_what_is_known_of_a_video_goes_into_the_passport(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"four")
    (one,) = run_facts(tmp_path)
    put = summary.good_videos([one])["test"][0]
    known = Passport(splits={"test": [put]}, listed={"test": 3}, classes=("x", "y"), root=tmp_path)
    passport.write(tmp_path / "deep" / "passport.json", known)
    assert passport.read(tmp_path / "deep" / "passport.json") == known
    assert put.timing == Timing(unit="1/30", stamps=(0, 1, 7))
    assert put.turned


def test_pictures_are_shown_at_the_rate_that_the_user_names(tmp_path):
    found = checked(tmp_path, "frames")
    found = replace(found, facts=replace(found.facts, container=PICTURES))
    known = summary.build_passport([found], source([found], tmp_path, fps=Fraction(30000, 1001)))
    assert known.splits["test"][0].timing == Timing(unit="1001/30000", step="1")
    assert (
        summary.build_passport([found], source([found], tmp_path)).splits["test"][0].timing is None
    )


def run_facts(root):
    facts = Facts(
        verdict="ok",
        frames=3,
        sha256="of a",
        turned=True,
        time_base="1/30",
        first=5,
        stamps=(5, 6, 12),
    )
    video = Video(id="a", path=root / "a.mp4", labels=(0, 1))
    return [
        CheckedVideo(split="test", video=video, facts=facts, stamp=passport.file_stamp(video.path))
    ]
