"""Spellings of one name in a folder of one's own videos: of a class, of a list, of a video."""

import unicodedata

import pytest

from harness.data.datasets.folder import class_names, videos
from tests.helpers import dataset_folders
from tests.helpers.dataset_folders import put

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
PAIRS = [
    ("Run", "run"),
    ("brush hair", "brush_hair"),
    ("brush-hair", "Brush  Hair"),
    ("STRASSE", "straße"),
    (COMPOSED, DECOMPOSED),
    ("ｗave", "wave"),
]


def ids(root):
    return sorted(video.id for split in ("train", "test") for video in videos(root, split))


def refused(root):
    for read in (class_names, lambda root: videos(root, "train")):
        with pytest.raises(ValueError, match="differ in spelling alone") as caught:
            read(root)
    return str(caught.value)


@pytest.mark.parametrize("names", PAIRS)
def test_folders_of_one_class_in_two_spellings_are_refused(tmp_path, names):
    train, test = names
    put(tmp_path / "a" / "train" / train / "1.mp4")
    put(tmp_path / "a" / "test" / test / "2.mp4")
    refused(tmp_path / "a")
    for number, name in enumerate(names):
        put(tmp_path / "b" / name / f"{number}.mp4")
    refused(tmp_path / "b")


@pytest.mark.parametrize("names", PAIRS)
def test_labels_of_one_class_in_two_spellings_are_refused(tmp_path, names):
    train, test = names
    put(tmp_path / "train.csv", f"1.mp4,{train}\n2.mp4,other\n".encode())
    put(tmp_path / "test.csv", f"3.mp4,{test}\n".encode())
    refused(tmp_path)


def test_names_that_look_alike_are_shown_by_their_letters(tmp_path):
    for name in (COMPOSED, DECOMPOSED):
        put(tmp_path / name / "1.mp4")
    assert "'cafe\\u0301' and 'caf\\xe9'" in refused(tmp_path)


@pytest.mark.parametrize("names", [("c", "c++"), ("1.5", "15"), ("left", "left?"), ("a", "ä")])
def test_other_names_are_classes_of_their_own(tmp_path, names):
    for name in names:
        put(tmp_path / name / "1.mp4")
    assert class_names(tmp_path) == tuple(sorted(names))


@pytest.mark.parametrize(
    ("train", "test"),
    [("Train.csv", "Val.csv"), ("TRAIN.TXT", "test.txt"), ("Training.tsv", "Validation.TSV")],
)
def test_lists_may_be_spelled_with_capitals(tmp_path, train, test):
    put(tmp_path / "x" / "1.mp4")
    put(tmp_path / train, "x/1.mp4 run\n")
    put(tmp_path / test, "x/2.mp4 walk\n")
    assert class_names(tmp_path) == ("run", "walk")
    assert [video.id for video in videos(tmp_path, "test")] == ["x/2.mp4"]


def test_one_list_may_be_spelled_with_capitals_and_two_are_refused(tmp_path):
    put(tmp_path / "x" / "1.mp4")
    put(tmp_path / "Videos.CSV", "x/1.mp4,run\nx/2.mp4,run\n")
    assert ids(tmp_path) == ["x/1.mp4", "x/2.mp4"]
    put(tmp_path / "videos.csv", "x/1.mp4,run\n")
    with pytest.raises(ValueError, match=r"holds Videos.CSV and videos.csv; keep one of them"):
        videos(tmp_path, "train")


def test_of_several_formats_of_a_name_one_counts_and_pictures_last(tmp_path):
    for name in ("1.webm", "1.mp4", "1.avi", "2.mkv", "2.mov", "3.mp4", "4/5.mp4"):
        put(tmp_path / "run" / name)
    dataset_folders.frames(tmp_path / "run" / "1", 2)
    dataset_folders.frames(tmp_path / "run" / "2.mov.d", 2)
    put(tmp_path / "run" / "4.mp4")
    expected = ["1.mp4", "2.mov", "2.mov.d", "3.mp4", "4.mp4", "4/5.mp4"]
    assert ids(tmp_path) == [f"run/{name}" for name in expected]


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (("1.mp4", "2.mp4", "labels.csv"), "if labels.csv is a list of its videos, pass --list"),
        (("1.mp4", "Annotations.JSON"), "if Annotations.JSON is a list of its videos"),
        (("1.mp4", "2.mp4"), "the videos in it are in no folder of a class"),
        (("run/1.mts", "run/2.MTS", "walk/3.vob"), "files there end in .MTS, .mts, .vob, which"),
        (("train/run/1.m2ts", "val/run/2.m2ts"), "files there end in .m2ts, which is not read"),
    ],
)
def test_a_root_without_classes_is_refused_with_what_it_holds(tmp_path, names, hint):
    for name in names:
        put(tmp_path / name)
    with pytest.raises(ValueError, match=r"contains no <class>/<video>.mp4; ") as caught:
        videos(tmp_path, "train")
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
