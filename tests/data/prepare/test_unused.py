"""Files below the root that a passport does not use: every one is in a group."""

import os

import pytest

from harness.data import passport
from harness.data.prepare import folder_labels, unused
from harness.data.video import Video
from tests.helpers.dataset_folders import put


def fill(root, *names):
    for name in names:
        put(root / name)
    return root


def find(root, *good, bad=(), **options):
    listed = {str(root / name): True for name in good} | {str(root / name): False for name in bad}
    return unused.find(listed, root, **options)


def test_every_file_is_in_the_group_of_its_kind(tmp_path):
    fill(tmp_path, "a/1.mp4", "a/2.mp4", "a/3.avi", "a/poster.PNG", "list.csv", "k.tar.gz")
    fill(tmp_path, "20bn-something-something-v2-03", "x.wav", "model.pth", "a/.4.mp4", "Thumbs.db")
    fill(tmp_path, "__MACOSX/a/._1.mp4", ".git/config")
    found = find(tmp_path, "a/1.mp4", bad=["a/2.mp4"])
    assert {group: sorted(paths) for group, paths in found.groups.items()} == {
        "not good": ["a/2.mp4"],
        "videos in no list": ["a/3.avi"],
        "pictures outside of videos": ["a/poster.PNG"],
        "lists and other text": ["list.csv"],
        "archives": ["20bn-something-something-v2-03", "k.tar.gz"],
        "sound": ["x.wav"],
        "other files": ["Thumbs.db", "model.pth"],
        "hidden files": [".git/config", "__MACOSX/a/._1.mp4", "a/.4.mp4"],
    }
    count = sum(group["count"] for group in found.counts().values())
    assert count == sum(len(files) for _, _, files in os.walk(tmp_path)) - 1


def test_what_lies_beside_the_frames_of_a_video_is_counted(tmp_path):
    names = ("img_1.jpg", "img_2.jpg", "flow_x_0.jpg", "flow_y_0.jpg", "Thumbs.db", "in/1.jpg")
    fill(tmp_path, *(f"a/v/{name}" for name in names))
    groups = find(tmp_path, "a/v").groups
    beside = [f"a/v/{name}" for name in ("Thumbs.db", "flow_x_0.jpg", "flow_y_0.jpg", "in/1.jpg")]
    assert {group: sorted(paths) for group, paths in groups.items()} == {
        "files beside frames": beside
    }


def test_the_outermost_folders_without_a_listed_video_are_named(tmp_path):
    fill(tmp_path, "a/1.mp4", "b/c/2.txt", "a/d/3.txt")
    (tmp_path / "empty").mkdir()
    assert sorted(find(tmp_path, "a/1.mp4").folders) == ["a/d", "b", "empty"]


def test_links_are_followed_once_and_not_out_of_the_root(tmp_path):
    root = fill(tmp_path / "root", "a/1.mp4")
    fill(tmp_path / "away", "2.mp4")
    (root / "a" / "loop").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "away")
    (root / "broken").symlink_to("nowhere")
    assert find(root, "a/1.mp4").groups == {
        "links out of the root": ["out"],
        "other files": ["broken"],
    }
    groups = find(root, "a/1.mp4", also=[tmp_path / "away"]).groups
    assert groups["videos in no list"] == ["out/2.mp4"]


def test_the_folder_of_the_check_is_no_part_of_the_data_set(tmp_path):
    fill(tmp_path, "a/1.mp4", "data/mine/journal.jsonl")
    assert find(tmp_path, "a/1.mp4", skip=tmp_path / "data" / "mine").groups == {}


def test_a_name_that_is_not_utf_8_can_be_kept_in_a_passport(tmp_path):
    fill(tmp_path, "a/1.mp4", "a/\udcff\n?%.mp4")
    counts = find(tmp_path, "a/1.mp4").counts()
    assert counts == {"videos in no list": {"count": 1, "examples": ["a/\udcff\n?%.mp4"]}}
    known = passport.Passport(splits={}, listed={}, root=tmp_path, unused=counts)
    passport.write(tmp_path / "passport.json", known)
    assert passport.read(tmp_path / "passport.json") == known


NAMES = ("air drumming", "run", "walk")


def labelled(root, **labels):
    paths = {name: root / name.replace("__", "/") for name in labels}
    return {
        "train": [
            Video(id=name, path=paths[name] / "1.mp4", labels=(label,))
            for name, label in labels.items()
        ]
    }


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        ({"air_drumming": 1, "run": 2}, "; do labels begin at 1?"),
        ({"Run": 0}, "'air drumming'"),
        ({"x__AirDrumming__y": 2, "run": 1, "walk": 0}, "2 of 3 videos"),
    ],
)
def test_labels_that_mostly_contradict_their_folders_are_refused(tmp_path, labels, hint):
    with pytest.raises(ValueError, match="in the folder of another class than their label") as e:
        folder_labels.contradictions(labelled(tmp_path, **labels), NAMES, tmp_path)
    assert hint in str(e.value)
    assert ("begin at 1" in str(e.value)) == ("begin at 1" in hint)


def test_a_few_labels_that_contradict_their_folders_are_named(tmp_path):
    splits = labelled(tmp_path, run=1, walk=2, walk__x=0, elsewhere=2)
    assert folder_labels.contradictions(splits, NAMES, tmp_path) == [
        "train:walk__x has label 0 ('air drumming')"
    ]
    assert folder_labels.contradictions(splits, (), tmp_path) == []
