"""Every data set of the paper from its files on disk to a scored trial, as a user meets it.

The copies are made: 20 real videos each, in the exact layout, of 64 x 48 pixels.
"""

import json

import numpy as np
import pytest
from PIL import Image

from harness import record
from harness.data import passport
from harness.data.datasets import class_names
from tests.data.datasets.test_activitynet import taxonomy
from tests.helpers import dataset_folders, video_files
from tests.test_command import harness

FRAMES = 24
TERMS = ["--scale", "paper", "--epochs", 1, "--width", 0.125, "--batch", 4, "--crop", 32]
TRAIN, TEST = 12, 8


def movie(path, number, kind="GOP 4"):
    """Write a video that no other equals: its number is the colour of a corner."""

    def picture(index):
        shown = np.full((48, 64, 3), 8 * index, np.uint8)
        shown[:24, :32] = (10 * number) % 256, 255 - 10 * number % 256, number
        return shown

    path.parent.mkdir(parents=True, exist_ok=True)
    video_files.write(path, video_files.KINDS[kind], frames=FRAMES, pictures=picture)
    return picture


def kinetics400(root):
    """Kinetics-400 as its archives unpack: mp4, and annotations by the names of classes."""
    for split, count, folder in (("train", TRAIN, "train"), ("test", TEST, "val")):
        rows = [dataset_folders.HEAD]
        for number in range(count):
            name, start = f"{split:_<7}{number:04d}", 3 * number
            rows.append(
                f"{dataset_folders.CLASSES[number % 4]},{name},{start},{start + 10},{folder},0\n"
            )
            clip = f"{name}_{start:06d}_{start + 10:06d}.mp4"
            movie(root / folder / clip, number + 100 * (split == "test"))
        dataset_folders.put(root / "annotations" / f"{folder}.csv", "".join(rows))


def mini_kinetics200(root):
    """The same videos, and the two lists of YouTube ids."""
    kinetics400(root)
    for folder in ("train", "val"):
        names = [path.name[:11] for path in sorted((root / folder).iterdir())]
        dataset_folders.put(root / f"{folder}_ytid_list.txt", "\n".join(names))


def something_v1(root):
    """Folders of JPEG pictures, and some webm files."""
    official = class_names.official_names("something_v1")
    where = root / "20bn-something-something-v1"
    for name, first, count in (("train", 0, TRAIN), ("validation", 100, TEST)):
        rows = []
        for number in range(first, first + count):
            rows.append(f"{number};{official[number % 5]}\n")
            picture = movie(where / f"{number}.webm", number, "VP9")
            if number % 3:
                (where / f"{number}.webm").unlink()
                (where / str(number)).mkdir()
                for index in range(FRAMES):
                    path = where / str(number) / f"{index + 1:05}.jpg"
                    Image.fromarray(picture(index)).save(path)
        dataset_folders.put(root / f"something-something-v1-{name}.csv", "".join(rows))
    dataset_folders.put(root / "something-something-v1-labels.csv", "\n".join(official))


def activitynet(root):
    """Untrimmed videos in two formats, some with two labels."""
    official, database = class_names.official_names("activitynet"), {}
    for subset, first, count in (("training", 0, TRAIN), ("validation", 100, TEST)):
        for number in range(first, first + count):
            labels = {official[number % 5], official[number % 2]}
            segments = [{"label": label, "segment": [0, 0.5]} for label in labels]
            database[f"id{number}"] = {"subset": subset, "annotations": segments}
            kind, suffix = (("VP9", ".webm"), ("GOP 12", ".mp4"))[number % 2]
            movie(root / "videos" / f"v_id{number}{suffix}", number, kind)
    known = {"database": database, "taxonomy": taxonomy()}
    dataset_folders.put(root / "activity_net.v1-3.min.json", json.dumps(known))


def check_and_run(make, name, table, row, tmp_path):
    """Check a made copy, run a row on it, and return the passport and the record."""
    make(tmp_path / "copy")
    where = ["--data", tmp_path / "data"]
    checked = harness("data", "check", name, "--root", tmp_path / "copy", *where)
    assert checked.returncode == 0, checked.stderr
    assert "not comparable" in checked.stdout
    known = passport.read(tmp_path / "data" / name / "passport.json")
    assert {split: len(videos) for split, videos in known.splits.items()} == {
        "train": TRAIN,
        "test": TEST,
    }
    words = [table, "--rows", row, "--seeds", 1, "--no-ray", *TERMS, *where]
    done = harness("run", *words, "--results", tmp_path / "results", "--workers", 1)
    assert done.returncode == 0, done.stderr
    (made,) = record.read_all(tmp_path / "results")
    assert made.passport == known.digest
    assert made.data["good"] == {"train": TRAIN, "test": TEST}
    assert made.data["listed"] == known.listed
    assert len(made.history) == 1
    assert made.metrics["videos"] == TEST
    assert (tmp_path / "results" / "tables" / f"{table}-own.md").is_file()
    return known, made


@pytest.mark.slow
def test_kinetics_from_its_archives_to_a_score(tmp_path):
    row = "DSA+I3D R50, 8 × 8"
    known, made = check_and_run(kinetics400, "kinetics400", "kinetics400", row, tmp_path)
    assert known.classes == class_names.official_names("kinetics400")
    assert known.listed == {"train": 246_535, "test": 19_907}
    views = made.trial["evaluation"]
    assert (views["num_passes"], views["num_crops"]) == (2, 3)
    assert made.trial["data"]["fps"] == 30
    assert made.data["short"] == {"train": TRAIN, "test": TEST}


@pytest.mark.slow
def test_mini_kinetics_from_its_lists_to_a_score_in_table_b(tmp_path):
    known, made = check_and_run(
        mini_kinetics200, "mini_kinetics200", "table_b", "DSA at II", tmp_path
    )
    assert known.classes == dataset_folders.CLASSES
    assert {video.label for video in known.splits["test"]} == {0, 1, 2, 3}
    assert made.trial["evaluation"]["num_passes"] == 2


@pytest.mark.slow
def test_something_something_from_its_pictures_to_a_score(tmp_path):
    known, made = check_and_run(something_v1, "something_v1", "something_v1", "DSA+I3D", tmp_path)
    assert {video.path.is_dir() for video in known.splits["train"]} == {True, False}
    assert not made.trial["data"]["flip"]


@pytest.mark.slow
def test_activitynet_from_its_annotations_to_mean_average_precision(tmp_path):
    known, made = check_and_run(activitynet, "activitynet", "activitynet", "DSA+I3D", tmp_path)
    assert {len(video.labels) for video in known.splits["test"]} == {1, 2}
    assert 0 < made.metrics["map"] <= 100
    assert made.trial["evaluation"]["average"] == "probabilities"
    assert "mAP" in (tmp_path / "results" / "tables" / "activitynet-own.md").read_text()


@pytest.mark.slow
def test_videos_of_ones_own_run_in_one_command(tmp_path):
    for number in range(20):
        label = ("run", "walk")[number % 2]
        movie(tmp_path / "2 Videos!" / label / f"{number}.mp4", number)
    dataset_folders.put(tmp_path / "2 Videos!" / "walk" / "bad.mp4", "no video")
    words = ["run", "table_b", "--folder", tmp_path / "2 Videos!", "--rows", "DSA at II"]
    where = ["--data", tmp_path / "data", "--results", tmp_path / "results"]
    early = harness(*words, *where)
    assert (early.returncode, early.stderr.count("\n")) == (2, 1)
    assert "add --scale paper" in early.stderr
    assert not (tmp_path / "data").exists()
    done = harness(*words, *where, *TERMS, "--seeds", 1, "--no-ray")
    assert done.returncode == 0, done.stderr
    assert "bad.csv names what is not good; the others are used" in done.stderr
    (made,) = record.read_all(tmp_path / "results")
    assert made.trial["data"]["name"] == "my_2_videos"
    assert made.trial["data"]["num_classes"] == 2
    assert sum(made.data["good"].values()) == 20
    again = harness(*words, *where, *TERMS, "--seeds", 1, "--no-ray")
    assert "1 trial, 1 recorded, 0 to run" in again.stdout
