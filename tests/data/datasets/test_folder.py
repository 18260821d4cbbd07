"""Any folder of videos: what is a class, what is for testing, and what is refused."""

from pathlib import Path

import pytest

from harness.data.datasets.folder import class_names, divide, videos
from harness.data.video import Video
from tests.helpers import dataset_folders
from tests.helpers.dataset_folders import put


def fill(root, *names):
    for name in names:
        put(root / name)
    return root


def listed(root, split, **options):
    found = videos(root, split, **options)
    assert all(each.path == root / each.id for each in found)
    return {each.id: each.label for each in found}


def both(root):
    train, test = listed(root, "train"), listed(root, "test")
    assert not train.keys() & test.keys()
    return train | test


def test_a_folder_of_classes_is_numbered_by_name(tmp_path):
    fill(tmp_path, "b/1.mp4", "a/2.mp4", "a/1.MKV", "a/notes.txt", "stray.mp4", ".git/x.mp4")
    (tmp_path / "c").mkdir()
    assert class_names(tmp_path) == ("a", "b")
    assert both(tmp_path) == {"a/1.MKV": 0, "a/2.mp4": 0, "b/1.mp4": 1}


@pytest.mark.parametrize("test", ["val", "test"])
def test_folders_of_splits_share_their_classes(tmp_path, test):
    fill(tmp_path, "train/b/1.mp4", "train/c/1.mp4", f"{test}/a/1.mp4", f"{test}/c/2.mp4")
    assert class_names(tmp_path) == ("a", "b", "c")
    assert listed(tmp_path, "train") == {"train/b/1.mp4": 1, "train/c/1.mp4": 2}
    assert listed(tmp_path, "test") == {f"{test}/a/1.mp4": 0, f"{test}/c/2.mp4": 2}


def test_where_val_and_test_are_there_it_is_test(tmp_path):
    fill(tmp_path, "train/b/1.mp4", "val/b/2.mp4", "test/b/3.mp4")
    assert listed(tmp_path, "test") == {"test/b/3.mp4": 0}


def test_a_class_may_be_called_train(tmp_path):
    fill(tmp_path, "train/1.mp4", "bus/1.mp4")
    assert both(tmp_path) == {"bus/1.mp4": 0, "train/1.mp4": 1}


def test_a_folder_of_pictures_is_a_video(tmp_path):
    dataset_folders.frames(tmp_path / "a" / "first", 2)
    fill(tmp_path, "a/empty/notes.txt", "a/second.mp4")
    assert both(tmp_path) == {"a/first": 0, "a/second.mp4": 0}


def named(number, label=0):
    return [
        Video(id=f"{label}/{n}.mp4", path=Path(f"{n}.mp4"), labels=(label,)) for n in range(number)
    ]


def test_one_in_five_is_for_testing_by_a_rule_that_never_moves():
    whole = named(5000)
    parts = divide(whole)
    assert len(parts["test"]) == 1014
    assert [each.id for each in parts["test"][:5]] == [
        "0/1.mp4",
        "0/6.mp4",
        "0/7.mp4",
        "0/12.mp4",
        "0/18.mp4",
    ]
    assert len(parts["train"]) == 5000 - 1014


@pytest.mark.parametrize("number", [1, 2, 3, 5, 10, 30])
def test_every_class_of_two_or_more_is_in_both_splits(number):
    for label in range(20):
        parts = divide(named(number, label) + named(1, label=99))
        counts = [sum(v.label == label for v in parts[s]) for s in ("train", "test")]
        assert counts[0] >= 1
        assert counts[1] >= (number > 1)


def test_new_files_leave_the_others_where_they_were():
    for label in range(20):
        before = divide(named(40, label))
        after = divide(named(60, label) + named(50, label=99))
        if len(before["test"]) > 1:
            assert set(ids(before["test"])) <= set(ids(after["test"]))
            assert set(ids(before["train"])) <= set(ids(after["train"]))


def ids(found):
    return [each.id for each in found]


def test_lists_of_names_are_numbered_over_both(tmp_path):
    put(tmp_path / "train.csv", 'path,label\nx/1.mp4,dog\n"x, 2.mp4",an ape\nframes/3,dog\n')
    put(tmp_path / "val.csv", "\ufeffx/4.mp4,cat\r\nx/5.webm,dog")
    assert class_names(tmp_path) == ("an ape", "cat", "dog")
    assert listed(tmp_path, "train") == {"x/1.mp4": 2, "x, 2.mp4": 0, "frames/3": 2}
    assert listed(tmp_path, "test") == {"x/4.mp4": 1, "x/5.webm": 2}


def test_lists_of_numbers_have_no_names(tmp_path):
    put(tmp_path / "train.csv", "1.mp4,10\n2.mp4,2\n")
    put(tmp_path / "test.csv", "path,label\n3.mp4,2\n")
    assert class_names(tmp_path) == ()
    assert listed(tmp_path, "train") == {"1.mp4": 10, "2.mp4": 2}
    assert listed(tmp_path, "test") == {"3.mp4": 2}


def test_one_list_is_divided_by_the_rule(tmp_path):
    put(tmp_path / "videos.csv", "".join(f"{n}.mp4,{'ab'[n % 2]}\n" for n in range(50)))
    assert both(tmp_path) == {f"{n}.mp4": n % 2 for n in range(50)}
    assert 3 <= len(listed(tmp_path, "test")) <= 20


def test_a_list_that_is_named_uses_the_classes_of_the_root(tmp_path):
    root = fill(tmp_path / "root", "a/1.mp4", "b/2.mp4", "b/3.mp4")
    rows = put(tmp_path / "mine.csv", "b/2.mp4,b\n")
    assert listed(root, "test", rows=rows) == {"b/2.mp4": 1}
    put(rows, "b/2.mp4,c\na/1.mp4,0\n")
    with pytest.raises(
        ValueError, match=r"^2 invalid rows:\n.*line 1: 'c' is not one of the 2 classes"
    ):
        videos(root, "test", rows=rows)
    plain = put(tmp_path / "mine.txt", "b/2.mp4 1\nb/3.mp4 2\n")
    with pytest.raises(ValueError, match=r"line 2: label 2, allowed 0 to 1"):
        videos(root, "test", rows=plain)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a.mp4", "has 1 columns; expected a path, a comma and a label"),
        ("a, b.mp4,dog", "has 3 columns"),
        ("a.mp4,", "has an empty column"),
        (",dog", "has an empty column"),
        (" a.mp4,dog", "or its path starts or ends with a space"),
        ("a.txt,dog", "'a.txt' has no video suffix"),
        ("Path,Label,", "has 3 columns"),
        ("a.mp4,3", "'3' is not one of the 1 classes"),
        ('"a.mp4,dog', "is not a row of a CSV file"),
        ("../a.mp4,dog", "is not a plain path below the root"),
        ("/a.mp4,dog", "is not below"),
        ("http://a/b.mp4,dog", "is an address"),
        ("concat:a.mp4|b.mp4,dog", "is an address"),
        ("a\0.mp4,dog", "unprintable characters"),
        ("out/a.mp4,dog", "leads out of the root by a link"),
        ("both.mp4,dog", "'both.mp4' is in split 'train' already: a leak"),
        (b"\xff.mp4,dog", "not UTF-8 at byte 0"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path, row, words):
    root = tmp_path / "root"
    put(root / "train.csv", "both.mp4,dog\n")
    (root / "out").symlink_to(tmp_path)
    row = row if isinstance(row, bytes) else row.encode()
    put(root / "test.csv", b"good.mp4,dog\n" + row + b"\ngood.mp4,dog\n")
    with pytest.raises(ValueError, match=r"^1 invalid rows:\ntest.csv, line 2: ") as caught:
        videos(root, "test")
    assert words in str(caught.value)


def test_a_name_among_numbers_is_refused_with_its_line(tmp_path):
    put(tmp_path / "videos.csv", "1.mp4,1\n2.mp4,dog\n3.mp4,-1\n4.mp4,1.5\n")
    with pytest.raises(ValueError, match=r"^3 invalid rows:\nvideos.csv, line 2: label 'dog'"):
        videos(tmp_path, "train")


def test_two_labels_of_one_file_are_refused(tmp_path):
    put(tmp_path / "videos.csv", "1.mp4,1\n./1.mp4,2\n")
    with pytest.raises(ValueError, match=r"line 2: '1.mp4' has label 2, but had label 1 before"):
        videos(tmp_path, "train")


def test_a_name_that_cannot_be_written_down_is_refused(tmp_path):
    fill(tmp_path, "a/\udcff.mp4", "a/b\n.mp4", "a/c.mp4")
    with pytest.raises(
        ValueError, match=r"^2 invalid names:\n'a/b\\n.mp4': .* unprintable characters\n"
    ):
        videos(tmp_path, "train")


@pytest.mark.parametrize("link", ["a/out", "a/out.mp4", "out"])
def test_a_link_out_of_the_root_is_refused(tmp_path, link):
    root = fill(tmp_path / "root", "a/1.mp4")
    dataset_folders.frames(tmp_path / "away", 1)
    (root / link).symlink_to(tmp_path / "away")
    with pytest.raises(ValueError, match=rf"^1 invalid names:\n.*'{link}' leads out of the root"):
        videos(root, "train")


@pytest.mark.parametrize("name", ["1.mp4", "a/notes.txt", "a/b/1.mp4"])
def test_nothing_to_list_is_said_in_one_sentence(tmp_path, name):
    fill(tmp_path, name)
    with pytest.raises(ValueError, match=r"contains no <class>/<video>.mp4") as caught:
        videos(tmp_path, "test")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "names", [("train",), ("val",), ("train", "val", "videos"), ("test", "val")]
)
def test_lists_that_are_not_a_pair_are_refused(tmp_path, names):
    fill(tmp_path, "a/1.mp4", *(f"{name}.csv" for name in names))
    with pytest.raises(ValueError, match=rf"holds .*{names[0]}.csv.*; expected"):
        videos(tmp_path, "train")


MADE = ("__MACOSX", ".ipynb_checkpoints", "@eaDir", "lost+found", "__pycache__", "$RECYCLE.BIN")


@pytest.mark.parametrize("made", MADE)
def test_folders_that_nobody_made_are_no_classes(tmp_path, made):
    fill(tmp_path, "run/1.mp4", "walk/2.mp4", f"{made}/run/._1.mp4", f"{made}/x.mp4")
    fill(tmp_path, f"run/{made}/1.mp4", f"{made}/1.mp4/SYNOPHOTO_1.jpg")
    assert class_names(tmp_path) == ("run", "walk")
    assert both(tmp_path) == {"run/1.mp4": 0, "walk/2.mp4": 1}


def test_folders_without_videos_are_no_classes_in_any_layout(tmp_path):
    fill(tmp_path, "run/1.mp4", "annotations/readme.txt", "thumbnails/1.jpg", "a/b/c/notes.txt")
    (tmp_path / "empty").mkdir()
    assert class_names(tmp_path) == ("run",)
    fill(tmp_path, "train/b/1.mp4", "train/empty/x.txt", "val/b/2.mp4", "val/a/1.mp4")
    assert class_names(tmp_path) == ("a", "b")
    assert listed(tmp_path, "train") == {"train/b/1.mp4": 1}


def test_videos_below_a_class_belong_to_it(tmp_path):
    fill(tmp_path, "run/1.mp4", "run/monday/2.mp4", "run/monday/late/3.mp4", "walk/x/4.mp4")
    dataset_folders.frames(tmp_path / "walk" / "y" / "5", 2)
    assert both(tmp_path) == {
        "run/1.mp4": 0,
        "run/monday/2.mp4": 0,
        "run/monday/late/3.mp4": 0,
        "walk/x/4.mp4": 1,
        "walk/y/5": 1,
    }


@pytest.mark.parametrize(
    "names",
    [
        ("videos/run/1.mp4", "videos/walk/2.mp4"),
        ("part1/run/1.mp4", "part2/run/2.mp4"),
        ("run/1.mp4", "walk/2.mp4", "frames/run/1/1.jpg"),
        ("train/run/1.mp4",),
    ],
)
def test_a_folder_that_may_not_be_the_class_is_named(tmp_path, names):
    fill(tmp_path, *names)
    with pytest.raises(ValueError, match="which of the two folders is the class") as caught:
        videos(tmp_path, "train")
    assert "\n" not in str(caught.value)


def test_pictures_beside_a_video_make_no_second_one(tmp_path):
    fill(tmp_path, "run/a/1.mp4", "run/a/cover.jpg", "run/2.mp4", "walk/3.mp4")
    assert both(tmp_path) == {"run/2.mp4": 0, "run/a/1.mp4": 0, "walk/3.mp4": 1}


@pytest.mark.parametrize("name", ["1.png", "1.WEBP", "img_1.Bmp", "1.tif"])
def test_pictures_of_any_format_are_listed(tmp_path, name):
    fill(tmp_path, f"run/a/{name}", "run/2.mp4")
    assert both(tmp_path).keys() == {"run/a", "run/2.mp4"}


@pytest.mark.parametrize(
    ("train", "test"), [("Train", "Val"), ("training", "validation"), ("TRAIN", "testing")]
)
def test_folders_of_splits_may_be_spelled_in_other_ways(tmp_path, train, test):
    fill(tmp_path, f"{train}/a/1.mp4", f"{test}/a/2.mp4")
    assert listed(tmp_path, "train") == {f"{train}/a/1.mp4": 0}
    assert listed(tmp_path, "test") == {f"{test}/a/2.mp4": 0}


def test_a_link_to_a_folder_above_is_refused_and_not_followed_for_ever(tmp_path):
    root = fill(tmp_path / "root", "a/1.mp4", "a/b/2.mp4")
    (root / "a" / "b" / "loop").symlink_to(root / "a")
    with pytest.raises(ValueError, match="'a/b/loop' leads back to a folder that it is inside of"):
        videos(root, "train")


def test_a_link_to_another_disk_is_followed_where_it_is_allowed(tmp_path):
    root = fill(tmp_path / "root", "val/run/1.mp4")
    fill(tmp_path / "disk", "run/2.mp4")
    (root / "train").symlink_to(tmp_path / "disk")
    with pytest.raises(ValueError, match=r"'train' leads out .*/disk; allow .* --also .*/disk$"):
        videos(root, "train")
    assert listed(root, "train", also=[tmp_path / "disk"]) == {"train/run/2.mp4": 0}
    assert class_names(root, also=[tmp_path / "disk"]) == ("run",)


@pytest.mark.parametrize("suffix", [".txt", ".tsv"])
def test_lists_in_the_root_may_be_text_files(tmp_path, suffix):
    fill(tmp_path, "x/1.mp4", "x/2.mp4", "x/3.mp4")
    put(tmp_path / f"train{suffix}", "x/1.mp4 1\nx/3.mp4 0\n")
    put(tmp_path / f"val{suffix}", "x/2.mp4 1\n")
    assert listed(tmp_path, "train") == {"x/1.mp4": 1, "x/3.mp4": 0}
    assert listed(tmp_path, "test") == {"x/2.mp4": 1}
    put(tmp_path / "videos.csv", "x/1.mp4,0\n")
    with pytest.raises(ValueError, match="holds several lists, keep those of one kind"):
        videos(tmp_path, "train")


def test_a_text_file_alone_is_no_list(tmp_path):
    fill(tmp_path, "a/1.mp4", "test.txt")
    assert both(tmp_path) == {"a/1.mp4": 0}


@pytest.mark.parametrize(
    "name", ["a b", "what?", "100%", "#1", 'it\'s "so"', "a,b;c", "[x]", "~$&", "名前", "-rf"]
)
def test_any_name_that_prints_is_a_class_and_a_video(tmp_path, name):
    fill(tmp_path, f"{name}/{name}.mp4", f"{name}/2.mp4")
    assert class_names(tmp_path) == (name,)
    assert both(tmp_path).keys() == {f"{name}/{name}.mp4", f"{name}/2.mp4"}
