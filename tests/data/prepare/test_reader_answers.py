"""What a reader of a data set returns: a passport can hold it, or it is refused unread."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.data import passport
from harness.data.prepare import reader_answers
from harness.data.video import Video

NAMES = ("run", "walk")


def listed(tmp_path, **changed):
    (tmp_path / "a.mp4").touch()
    video = Video(id="a", path=tmp_path / "a.mp4", labels=(1,))
    for name, value in changed.items():  # past the type checker of the tests
        object.__setattr__(video, name, value)
    return [video]


@pytest.mark.parametrize("names", [NAMES, [*NAMES], (), ("Ünïted 跑", "a, b")])
def test_class_names_that_pass_are_read_back_from_a_passport(tmp_path, names):
    found = reader_answers.check_class_names(names)
    known = passport.Passport(splits={}, listed={}, classes=found)
    passport.write(tmp_path / passport.FILE, known)
    assert passport.read(tmp_path / passport.FILE).digest == known.digest


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("x\ud800", "b"), r"classes\[0\]: 'x\\ud800' is not of the form"),
        (("a", "x" * 1_001), r"classes\[1\]: it is longer than 1000 characters"),
        (("a", 7), r"classes\[1\]: 7 is not of type string"),
        (("a\nb", "c"), r"class 0 has the name 'a\\nb'; write one line"),
        (("a\u2028b", "c"), r"class 0 has the name 'a\\u2028b'; write one line"),
        (("a", " "), "class 1 has the name ' '; write one line"),
        (("a", "b", "a"), "two classes have the name 'a'"),
        ((name for name in NAMES), "class_names gives a value of type generator, not"),
        ("ab", "class_names gives a value of type str, not a tuple of names"),
        (None, "class_names gives a value of type NoneType"),
    ],
    ids=range(10),
)
def test_class_names_that_no_passport_can_hold_are_refused(names, said):
    with pytest.raises(ValueError, match=said):
        reader_answers.check_class_names(names)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": "a\tb"}, r"train\[0\], 'a\\tb': its id has unprintable characters"),
        ({"id": ""}, "id: '' is not of the form"),
        ({"id": 7}, "id: 7 is not of type string"),
        ({"id": "x" * 5_000}, "id: it is longer than 4096 characters"),
        ({"path": "a.mp4"}, "its path is of type str"),
        ({"labels": ()}, "it has no label"),
        ({"labels": 0}, "its labels are of type int"),
        ({"labels": (-1,)}, r"labels\[0\]: -1 is not between 0 and 99999"),
        ({"labels": (2,)}, "its label 2 is none of the 2 classes"),
        ({"labels": (1, 0)}, r"its labels \(1, 0\) do not increase"),
        ({"labels": (1, 1)}, r"its labels \(1, 1\) do not increase"),
        ({"labels": (np.int64(1),)}, r"labels\[0\]: np.int64\(1\) is not of type integer"),
        ({"labels": (1.0,)}, r"labels\[0\]: 1.0 is not of type integer"),
        ({"labels": (True,)}, r"labels\[0\]: True is not of type integer"),
        ({"labels": ("1",)}, r"labels\[0\]: '1' is not of type integer"),
    ],
    ids=range(15),
)
def test_a_video_that_no_passport_can_hold_is_refused(tmp_path, changed, said):
    reader_answers.check_videos("train", listed(tmp_path), NAMES)
    with pytest.raises(ValueError, match=said) as refused:
        reader_answers.check_videos("train", listed(tmp_path, **changed), NAMES)
    assert str(refused.value).startswith("1 invalid videos:\n")
    assert max(map(len, str(refused.value).splitlines())) < 1_000


def test_a_path_that_no_file_can_have_is_refused(tmp_path):
    for name, said in (("\ud800.mp4", "no file can have its path"), ("\0.mp4", "path: ")):
        with pytest.raises(ValueError, match=said):
            reader_answers.check_videos("test", listed(tmp_path, path=tmp_path / name), NAMES)


def test_every_video_is_checked_and_ids_are_distinct(tmp_path):
    (video,) = listed(tmp_path)
    with pytest.raises(ValueError, match="3 invalid videos") as refused:
        reader_answers.check_videos("test", [video, video, "b.mp4", None], ())
    assert str(refused.value).splitlines()[1:] == [
        "test[1], 'a': another video has this id",
        "test[2], 'b.mp4': it is of type str, not a Video",
        "test[3], None: it is of type NoneType, not a Video",
    ]
    with pytest.raises(ValueError, match="videos gives a value of type generator, not"):
        reader_answers.check_videos("test", (each for each in [video]), ())


def test_what_passes_is_read_back_from_a_passport(tmp_path):
    missing = Video(id="gone", path=tmp_path / "gone.mp4", labels=())
    odd = Video(id="ü b", path=tmp_path / "\udcff.mp4", labels=(0, 1))
    videos = [*listed(tmp_path), odd]
    reader_answers.check_videos("train", [*videos, missing], NAMES)
    read = [replace(video, frames=8, sha256="0" * 64) for video in videos]
    known = passport.Passport(splits={"train": read}, listed={"train": 3}, classes=NAMES)
    passport.write(tmp_path / passport.FILE, known)
    assert passport.read(tmp_path / passport.FILE).digest == known.digest
    assert json.loads((tmp_path / passport.FILE).read_bytes())["listed"] == {"train": 3}
