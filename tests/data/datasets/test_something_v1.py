"""The reader of Something-Something V1, on the layouts in which it is found."""

import hashlib
from pathlib import Path

import pytest

from harness.data.datasets import class_names, something_v1

NAMES = class_names.official_names("something_v1")
HASH = "c9c5a86ece619e1ab2e7ca0614c85377a534873e17108b13243e5d22089a0a85"
TRAIN = [("100218", "Something falling like a feather or paper"), ("24413", NAMES[0])]
TEST = [("74225", "Putting something, something and something on the table")]


def lists(folder, train=TRAIN, test=TEST, labels=NAMES[::-1]):
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("validation", test)):
        text = "".join(f"{number};{label}\n" for number, label in rows)
        (folder / f"something-something-v1-{name}.csv").write_text(text)
    (folder / "something-something-v1-labels.csv").write_text("\n".join(labels) + "\n")


def frames(root, *numbers, folder="20bn-something-something-v1"):
    for number in numbers:
        (root / folder / number).mkdir(parents=True)


def test_the_table_is_the_official_one_in_the_order_of_names():
    text = Path(class_names.__file__).with_suffix("").joinpath("something_v1.txt").read_bytes()
    assert hashlib.sha256(text).hexdigest() == HASH
    assert len(set(NAMES)) == 174
    assert list(NAMES) == sorted(NAMES)
    assert NAMES[164] == "Turning something upside down"


@pytest.mark.parametrize("below", [".", "annotations", "labels"])
def test_official_lists_give_ids_folders_and_labels(tmp_path, below):
    lists(tmp_path / below)
    frames(tmp_path, "100218", "74225")
    train = something_v1.videos(tmp_path, "train")
    base = tmp_path / "20bn-something-something-v1"
    assert [video.id for video in train] == ["100218", "24413"]
    assert [video.path for video in train] == [base / "100218", base / "24413"]
    assert [NAMES[video.label] for video in train] == [name for _, name in TRAIN]
    (test,) = something_v1.videos(tmp_path, "test")
    assert (test.id, NAMES[test.label]) == TEST[0]
    assert something_v1.class_names(tmp_path) == NAMES


@pytest.mark.parametrize("folder", ["20bn-something-something-v1", "videos"])
def test_videos_may_be_files(tmp_path, folder):
    lists(tmp_path)
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "100218.webm").touch()
    (tmp_path / folder / "24413.mp4").touch()
    names = [video.path.name for video in something_v1.videos(tmp_path, "train")]
    assert names == ["100218.webm", "24413.mp4"]


def test_the_first_folder_that_has_a_video_counts(tmp_path):
    lists(tmp_path)
    frames(tmp_path, "100218", folder="rawframes")
    (tmp_path / "videos").mkdir()
    for name in ("100218.mp4", "24413.mp4"):
        (tmp_path / "videos" / name).touch()
    paths = [video.path for video in something_v1.videos(tmp_path, "train")]
    assert paths == [tmp_path / "rawframes" / "100218", tmp_path / "videos" / "24413.mp4"]


def test_a_list_that_the_user_names_is_read_instead(tmp_path):
    frames(tmp_path, "1")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "2.webm").touch()
    (tmp_path / "mine.csv").write_text(f"1;{NAMES[7]}\n1;{NAMES[7]}\n")
    (video,) = something_v1.videos(tmp_path, "train", rows=tmp_path / "mine.csv")
    assert (video.id, video.label) == ("1", 7)
    (tmp_path / "mine.txt").write_text("videos/2.webm 173\n")
    (video,) = something_v1.videos(tmp_path, "test", rows=tmp_path / "mine.txt")
    assert (video.path, video.label) == (tmp_path / "videos" / "2.webm", 173)


def test_wrong_rows_come_all_at_once(tmp_path):
    lists(tmp_path)
    frames(tmp_path, "1")
    rows = ["1;Nothing", "x;Opening something", "2 Opening something", f"3;{NAMES[0]}", "../4;a"]
    rows += [f"3;{NAMES[1]}"] + ["-1;a"] * 20
    (tmp_path / "something-something-v1-train.csv").write_text("\n".join(rows))
    with pytest.raises(ValueError, match="25 invalid rows") as caught:
        something_v1.videos(tmp_path, "train")
    said = str(caught.value)
    assert "something-something-v1-train.csv, line 1: 'Nothing' is not one of the 174" in said
    assert "line 3: '2 Opening something' is not a number, a semicolon and a label" in said
    assert "line 6: 3 has label 'Attaching something to something', but had another before" in said
    assert said.endswith("and 5 more")
    assert "line 4" not in said


def test_what_is_missing_is_named(tmp_path):
    frames(tmp_path, "1")
    with pytest.raises(
        ValueError, match=r"something-something-v1-validation\.csv is not in .*labels/"
    ):
        something_v1.videos(tmp_path, "test")
    with pytest.raises(ValueError, match="'val'"):
        something_v1.videos(tmp_path, "val")
    lists(tmp_path / "elsewhere" / "annotations")
    with pytest.raises(
        ValueError, match="no folder of videos: expected one of 20bn-something-something"
    ):
        something_v1.videos(tmp_path / "elsewhere", "train")
    lists(tmp_path, train=[])
    with pytest.raises(ValueError, match="contains no rows"):
        something_v1.videos(tmp_path, "train")


def test_other_class_names_are_refused(tmp_path):
    lists(tmp_path, labels=[*NAMES[1:], "Eating something"])
    with pytest.raises(ValueError, match="has 'Eating something'") as caught:
        something_v1.class_names(tmp_path)
    assert f"lacks {NAMES[0]!r}" in str(caught.value)
    lists(tmp_path, labels=NAMES[10:])
    with pytest.raises(ValueError, match="and 7 more"):
        something_v1.class_names(tmp_path)


def test_a_link_out_of_the_root_is_refused(tmp_path):
    root = tmp_path / "root"
    lists(root)
    frames(tmp_path, "24413", folder="elsewhere")
    (root / "frames").mkdir()
    (root / "frames" / "24413").symlink_to(tmp_path / "elsewhere" / "24413")
    with pytest.raises(ValueError, match="leads out of the root by a link"):
        something_v1.videos(root, "train")


@pytest.mark.parametrize("row", ["1 16 7\n", "1,16,7\n", "1 7\n", "1.webm,7\n", f"1;{NAMES[7]}\n"])
@pytest.mark.parametrize("folder", ["20bn-something-something-v1", "rawframes", "my_frames"])
@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
def test_lists_of_other_programs_begin_at_the_folder_of_videos(tmp_path, row, folder, name):
    is_file, official = "webm" in row, ";" in row
    if official and folder == "my_frames":
        return
    path = tmp_path / folder / ("1.mp4" if is_file else "1")
    path.parent.mkdir()
    path.touch() if is_file else path.mkdir()
    (tmp_path / name).write_text(row)
    (video,) = something_v1.videos(tmp_path, "train", rows=tmp_path / name)
    assert (video.path, video.label) == (path, 7)


def test_parts_of_the_archive_are_named_where_no_folder_is(tmp_path):
    lists(tmp_path)
    (tmp_path / "20bn-something-something-v1-00").touch()
    with pytest.raises(ValueError, match=r"1 archives are .*, such as '20bn-.*-00': unpack"):
        something_v1.videos(tmp_path, "train")
