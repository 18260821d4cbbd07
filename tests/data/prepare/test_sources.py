"""A split read by itself: videos to score without any to train on."""

import shutil

import pytest

from harness.data.prepare import sources
from tests.helpers import dataset_folders


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"video")


def test_a_copy_with_the_val_split_alone_is_read_by_itself(tmp_path):
    root = dataset_folders.class_folders(tmp_path / "root")
    shutil.rmtree(root / "train")
    with pytest.raises(ValueError, match="contains no videos of Kinetics-400 train"):
        sources.read_source("kinetics400", root, tmp_path)
    source = sources.read_source("kinetics400", root, tmp_path, only="test")
    assert source.listed == {"test": 19_907}
    assert len(source.splits["test"]) == 8


@pytest.mark.parametrize("parent", ["", "val/", "test/"])
def test_videos_of_ones_own_without_training_split_are_all_scored(tmp_path, parent):
    names = [f"{label}/{number}.mp4" for label in ("ape", "bee") for number in range(5)]
    for name in names:
        put(tmp_path / parent / name)
    source = sources.read_source("mine", tmp_path, tmp_path, only="test")
    assert sorted(video.id for video in source.splits["test"]) == names
    assert source.class_names == ("ape", "bee")


def test_of_videos_of_ones_own_with_splits_only_the_test_split_is_scored(tmp_path):
    for split in ("train", "test"):
        put(tmp_path / split / "ape" / f"{split}.mp4")
    source = sources.read_source("mine", tmp_path, tmp_path, only="test")
    assert [video.id for video in source.splits["test"]] == ["test/ape/test.mp4"]


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("form", ["{path},{label}\n", "{path} {label}\n", "{path},12,{label}\n"])
def test_labels_without_names_that_do_not_begin_at_0_are_refused(tmp_path, first, form):
    for split, number in (("train", 0), ("val", 1)):
        rows = [
            form.format(
                path=f"x/{split}{label}{'' if '12' in form else '.mp4'}", label=first + label
            )
            for label in range(number, 3)
        ]
        (tmp_path / f"{split}.csv").write_text("".join(rows))
    with pytest.raises(ValueError, match=f"begin at {first}.*must begin at 0: subtract {first} "):
        sources.read_source("mine", tmp_path, tmp_path)
    only = sources.read_source("mine", tmp_path, tmp_path, only="test")
    assert [video.label for video in only.splits["test"]] == [first + 1, first + 2]


def test_labels_that_begin_at_0_in_one_split_alone_are_taken(tmp_path):
    (tmp_path / "train.csv").write_text("1.mp4,1\n2.mp4,2\n")
    (tmp_path / "test.csv").write_text("3.mp4,0\n")
    assert sources.read_source("mine", tmp_path, tmp_path).class_names == ()
