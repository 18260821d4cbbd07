"""The reader of Something-Something V2, on the layouts in which it is found."""

import json

import pytest

from harness.data.datasets import something_v2

NAMES = [f"Moving something {label} times" for label in range(174)]
TEMPLATES = [name.replace("something", "[something]") for name in NAMES]
PREFIX = "something-something-v2-"


def entry(number, label):
    text = NAMES[label].replace("something", "a cup")
    return {"id": number, "label": text, "template": TEMPLATES[label], "placeholders": ["a cup"]}


TRAIN, TEST = [entry("78687", 3), entry("42326", 0)], [entry("74225", 173)]


def lists(folder, *, prefix="", train=TRAIN, labels=None):
    folder.mkdir(parents=True, exist_ok=True)
    labels = labels or {name: str(label) for label, name in enumerate(NAMES)}
    for name, content in {"labels": labels, "train": train, "validation": TEST}.items():
        (folder / f"{prefix}{name}.json").write_text(json.dumps(content))


def webms(root, *numbers, folder="20bn-something-something-v2"):
    (root / folder).mkdir(parents=True)
    for number in numbers:
        (root / folder / f"{number}.webm").touch()


@pytest.mark.parametrize("prefix", ["", PREFIX])
@pytest.mark.parametrize("below", [".", "annotations", "labels"])
def test_official_lists_give_ids_files_and_labels(tmp_path, below, prefix):
    lists(tmp_path / below, prefix=prefix)
    webms(tmp_path, "78687", "74225")
    base = tmp_path / "20bn-something-something-v2"
    train = something_v2.videos(tmp_path, "train")
    assert [video.id for video in train] == ["78687", "42326"]
    assert [video.path for video in train] == [base / "78687.webm", base / "42326"]
    assert [video.label for video in train] == [3, 0]
    (test,) = something_v2.videos(tmp_path, "test")
    assert (test.id, test.label) == ("74225", 173)
    assert something_v2.class_names(tmp_path) == tuple(NAMES)


def test_folders_of_frames_are_found(tmp_path):
    lists(tmp_path)
    (tmp_path / "frames" / "78687").mkdir(parents=True)
    assert something_v2.videos(tmp_path, "train")[0].path == tmp_path / "frames" / "78687"


def test_a_list_that_the_user_names_is_read_instead(tmp_path):
    lists(tmp_path)
    webms(tmp_path, "1", folder="videos")
    (tmp_path / "mine.json").write_text(json.dumps([entry("1", 7), entry("1", 7)]))
    (video,) = something_v2.videos(tmp_path, "train", rows=tmp_path / "mine.json")
    assert (video.id, video.label) == ("1", 7)
    (tmp_path / "mine.txt").write_text("videos/1.webm 12\n")
    (video,) = something_v2.videos(tmp_path, "test", rows=tmp_path / "mine.txt")
    assert (video.path, video.label) == (tmp_path / "videos" / "1.webm", 12)


WRONG = [
    (
        [entry("1", 3), {**entry("2", 3), "template": "Flying [something]"}],
        ["1 invalid entries", "entry 2: 'Flying [something]' is not one of the 174 classes"],
    ),
    (
        [{"id": "x", "template": TEMPLATES[0]}, 3, None, {"id": "1"}, {"id": 1.5, "template": "a"}],
        ["5 invalid entries", "entry 2: it has no number as its `id`, or no `template`"],
    ),
    ([entry("1", 3), entry("1", 4)], ["entry 2: 1 had another label before"]),
]


@pytest.mark.parametrize(("train", "messages"), WRONG)
def test_wrong_entries_are_reported_at_once(tmp_path, train, messages):
    lists(tmp_path, train=train)
    webms(tmp_path)
    with pytest.raises(ValueError, match="invalid entries") as caught:
        something_v2.videos(tmp_path, "train")
    assert [message for message in messages if message not in str(caught.value)] == []


def test_a_name_that_no_passport_can_hold_is_refused(tmp_path):
    lists(
        tmp_path,
        labels={NAMES[label] + "\ud800" * (label == 3): str(label) for label in range(174)},
    )
    with pytest.raises(ValueError, match=r"labels\.json cannot be read: .*surrogates not allowed"):
        something_v2.class_names(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '"text"', "[" * 100_000])
def test_a_list_of_another_form_is_refused(tmp_path, content):
    lists(tmp_path)
    webms(tmp_path)
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(ValueError, match=r"train\.json (cannot be read|is not a list of videos)"):
        something_v2.videos(tmp_path, "train")


@pytest.mark.parametrize(
    "labels", [{"a": "0"}, dict.fromkeys(NAMES, "0"), dict.fromkeys(NAMES), ["a"]]
)
def test_labels_that_do_not_number_all_classes_are_refused(tmp_path, labels):
    lists(tmp_path, labels=labels)
    with pytest.raises(ValueError, match=r"labels\.json does not number 174 names from 0"):
        something_v2.class_names(tmp_path)


def test_missing_files_are_named(tmp_path):
    webms(tmp_path)
    with pytest.raises(ValueError, match=r"validation\.json is not in "):
        something_v2.videos(tmp_path, "test")
    lists(tmp_path)
    (tmp_path / "labels.json").unlink()
    with pytest.raises(ValueError, match=r"labels\.json is not in "):
        something_v2.videos(tmp_path, "test")


def test_a_root_without_videos_is_refused(tmp_path):
    lists(tmp_path)
    with pytest.raises(ValueError, match="contains no folder of videos: expected one of 20bn-"):
        something_v2.videos(tmp_path, "train")
