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
