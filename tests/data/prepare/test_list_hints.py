"""Lists below the root: those that are read count as used, and those that are not are named."""

import shlex
from pathlib import Path

import pytest

from harness.cli.main import app
from harness.data import DATASETS, passport
from harness.data.datasets import activitynet, folder, kinetics400, mini_kinetics200
from harness.data.datasets import something_v1 as v1
from harness.data.datasets import something_v2 as v2
from harness.data.prepare import summary, summary_files
from harness.data.prepare.check import CheckedVideo
from harness.data.prepare.sources import read_source
from harness.data.prepare.video_facts import Facts
from tests.data.datasets import test_activitynet, test_something_v1, test_something_v2
from tests.helpers import bad_videos, dataset_folders
from tests.helpers.dataset_folders import put

VIDEOS = [f"{name}/{n}.mp4" for name in ("brush hair", "don't jump") for n in (1, 2, 3)]
LISTED = {"train": VIDEOS[:2] + VIDEOS[3:5], "test": [VIDEOS[2], VIDEOS[5]]}


def rows(split):
    return "".join(f'"{path}",{VIDEOS.index(path) // 3}\n' for path in LISTED[split])


def own(root, **lists):
    for path in VIDEOS:
        put(root / path)
    for name, split in lists.items():
        put(root / name, rows(split))
    return root


def summed_up(source):
    good = Facts(verdict="ok", frames=10, sha256="0")
    checked = [
        CheckedVideo(split=split, video=video, facts=good)
        for split, videos in source.splits.items()
        for video in videos
    ]
    return summary_files.to_markdown(summary.summarise(checked, source))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train_list.txt", "val_list.txt"),
        ("my-train.csv", "My-Validation.csv"),
        ("trainlist01.txt", "testlist01.txt"),
        ("annotations/train.txt", "annotations/test.txt"),
        ("it's 50% training.TSV", 'a "val" list.txt'),
    ],
)
def test_lists_beside_folders_of_classes_are_named_with_the_command_that_reads_them(
    tmp_path, capsys, train, test
):
    root, data = own(tmp_path / "it's 50% of été"), tmp_path / "da ta"
    for number, path in enumerate(VIDEOS):
        bad_videos.write(root / path, n=10 + number)
    put(root / train, rows("train"))
    put(root / test, rows("test"))
    words = ["data", "check", "mine", "--root", str(root), "--data", str(data)]
    app.main(words, standalone_mode=False)
    said = capsys.readouterr().out
    assert "Lists that were not read, as classes are folders: 2\n" in said
    assert "4 of its first 4 rows name videos here" in said
    assert "2 of its first 2 rows name videos here" in said
    (command,) = [line for line in said.splitlines() if line.startswith("    harness")]
    app.main(shlex.split(command)[1:], standalone_mode=False)
    known = passport.read(data / "mine" / passport.FILE)
    for split, paths in LISTED.items():
        assert [video.id for video in known.splits[split]] == paths
    said = capsys.readouterr().out
    assert "not read" not in said
    assert "Not used" not in said  # a list that is read is used


@pytest.mark.parametrize("name", ["list.txt", "train_list.txt", "train_or_val.csv", "my/val.txt"])
def test_a_list_of_unknown_or_of_one_split_is_named_with_the_options_to_pass(tmp_path, name):
    root = own(tmp_path / "root")
    put(root / name, rows("train"))
    found = read_source("mine", root, tmp_path)
    assert found.unread.lists == (f"{name}: 4 of its first 4 rows name videos here",)
    assert found.unread.command == ""
    assert "`--list train=FILE --list test=FILE`" in summed_up(found)


def test_to_score_a_test_split_its_list_is_enough(tmp_path):
    root = own(tmp_path / "root")
    put(root / "val_list.txt", rows("test"))
    command = read_source("mine", root, tmp_path, only="test").unread.command
    assert " --only test " in command
    assert command.endswith(f"--list test={root}/val_list.txt")


def test_text_that_lists_no_video_is_not_taken_for_a_list(tmp_path):
    root = own(tmp_path / "root")
    put(root / "README.txt", "Videos of brush hair\nand others, 3 of each\n")
    put(root / "classes.txt", "brush hair\ndon't jump\n")
    put(root / "train_labels.csv", "0,brush hair\n1,don't jump\n")
    put(root / "train_utf16.txt", b"\xff\xfea\0")
    put(root / "val.tsv", b"\x80\x81\n")
    put(root / "train_elsewhere.txt", "/other/disk/1.mp4 0\n")
    found = read_source("mine", root, tmp_path)
    assert found.unread.lists == ()
    assert "not read" not in summed_up(found)


def fill_mini(root):
    return dataset_folders.mini_lists(dataset_folders.flat(root))


def fill_activitynet(root):
    test_activitynet.write(root)
    put(root / "videos" / "v_abc-_12.mp4")
    put(root / "videos" / "v_val3.mp4")
    return root


def fill_v1(root):
    test_something_v1.lists(root)
    test_something_v1.frames(root, "1")
    return root


def fill_v2(root):
    test_something_v2.lists(root)
    test_something_v2.webms(root, "78687")
    return root


def fill_own(root):
    return own(root, **{"train.csv": "train", "val.csv": "test"})


ROOTS = {
    "flat": (kinetics400, dataset_folders.flat),
    "class folders": (kinetics400, dataset_folders.class_folders),
    "frames": (kinetics400, dataset_folders.frame_folders),
    "mini": (mini_kinetics200, fill_mini),
    "v1": (v1, fill_v1),
    "v2": (v2, fill_v2),
    "activitynet": (activitynet, fill_activitynet),
    "own lists": (folder, fill_own),
    "own folders": (folder, own),
}


def test_every_reader_is_tried():
    assert {reader.__name__ for reader, _ in ROOTS.values()} == {*DATASETS.values()}


@pytest.mark.parametrize("name", ROOTS)
def test_readers_name_the_lists_that_they_open(tmp_path, monkeypatch, name):
    reader, fill = ROOTS[name]
    root, opened = fill(tmp_path / "root"), set()
    open_path = Path.open

    def note(path, *words, **options):
        if path.is_relative_to(root):
            opened.add(path)
        return open_path(path, *words, **options)

    monkeypatch.setattr(Path, "open", note)
    reader.class_names(root)
    for split in ("train", "test"):
        reader.videos(root, split)
    assert set(reader.lists(root)) == opened
