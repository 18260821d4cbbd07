"""The reader of ActivityNet: labels of whole videos, from annotations that may be anything."""

import hashlib
import json
from pathlib import Path

import pytest

from harness.data.datasets import activitynet, class_names, official_files

NAMES = class_names.official_names("activitynet")
HASH = "308a8633fb6587aa1d00f81cae124c9d3b570f0ac2e1f226562c9a5b172759ce"
FILE = "activity_net.v1-3.min.json"
SPORT = {"nodeId": 1, "parentId": None, "nodeName": "Sports"}


def entry(subset, *labels):
    return {
        "subset": subset,
        "annotations": [{"label": label, "segment": [0.5, 2.0]} for label in labels],
    }


TRAIN = {"abc-_12": entry("training", "Zumba", "Archery", "Zumba"), "v_2": entry("training", "BMX")}
DATABASE = {
    **TRAIN,
    "val3": entry("validation", "Plataform diving"),
    "test4": entry("testing"),
}


def taxonomy(names=NAMES):
    nodes = [{"nodeId": 10 + n, "parentId": 1, "nodeName": name} for n, name in enumerate(names)]
    return [SPORT, *nodes]


def write(root, database=DATABASE, names=NAMES, below="."):
    (root / below).mkdir(exist_ok=True, parents=True)
    whole = {"version": "VERSION 1.3", "database": database, "taxonomy": taxonomy(names)}
    (root / below / FILE).write_text(json.dumps(whole))


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_the_table_is_the_official_one_in_the_order_of_names():
    text = Path(class_names.__file__).with_suffix("").joinpath("activitynet.txt").read_bytes()
    assert hashlib.sha256(text).hexdigest() == HASH
    assert len(set(NAMES)) == 200
    assert list(NAMES) == sorted(NAMES)
    assert {"Plataform diving", "Doing motocross", "Polishing forniture"} <= set(NAMES)


@pytest.mark.parametrize("below", [".", "annotations"])
def test_labels_of_a_video_are_those_of_its_annotations(tmp_path, below):
    write(tmp_path, below=below)
    touch(tmp_path, "v_abc-_12.mp4", "v_val3.mkv")
    first, second = activitynet.videos(tmp_path, "train")
    assert (first.id, first.path) == ("abc-_12", tmp_path / "v_abc-_12.mp4")
    assert first.labels == (NAMES.index("Archery"), NAMES.index("Zumba"))
    assert (second.id, second.labels) == ("v_2", (NAMES.index("BMX"),))
    assert second.path == tmp_path / "v_v_2.mp4"
    (test,) = activitynet.videos(tmp_path, "test")
    assert (test.id, test.path.name) == ("val3", "v_val3.mkv")
    assert activitynet.class_names(tmp_path) == NAMES


@pytest.mark.parametrize(
    "name",
    ["v_val3.mp4", "val3.webm", "videos/v_val3.mkv", "videos/val3.mp4", "val/v_val3.mp4"],
)
def test_videos_are_found_where_they_lie(tmp_path, name):
    write(tmp_path)
    touch(tmp_path, name, "train/v_v_2.mp4")
    assert [video.path for video in activitynet.videos(tmp_path, "test")] == [tmp_path / name]
    assert activitynet.videos(tmp_path, "train")[1].path == tmp_path / "train/v_v_2.mp4"


def test_no_file_is_asked_for_one_by_one(tmp_path):
    """A name that the listing has is enough: dangling links are for the check to find."""
    write(tmp_path)
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "v_val3.mp4").symlink_to(tmp_path / "gone")
    assert activitynet.videos(tmp_path, "test")[0].path.name == "v_val3.mp4"


def test_a_list_that_the_user_names_is_read_instead(tmp_path):
    touch(tmp_path, "a.mp4", "v_x.mp4")
    (tmp_path / "mine.txt").write_text("a.mp4 199\n")
    (video,) = activitynet.videos(tmp_path, "train", rows=tmp_path / "mine.txt")
    assert video.labels == (199,)
    other = {"database": {"x": entry("training", "BMX")}}
    (tmp_path / "other.json").write_text(json.dumps(other))
    (video,) = activitynet.videos(tmp_path, "train", rows=tmp_path / "other.json")
    assert (video.id, video.path.name) == ("x", "v_x.mp4")


def test_what_is_wrong_with_videos_comes_all_at_once(tmp_path):
    bad = {
        "none": entry("training"),
        "void": {"subset": "validation"},
        "odd": entry("training", "Eating"),
        "typed": entry("training", 3),
        "nested": entry("training", ["Zumba"]),
        "text": {"subset": "training", "annotations": "Zumba"},
        "flat": {"subset": "training", "annotations": ["Zumba"]},
        "../up": entry("training", "Zumba"),
        "list": [],
        "split": entry("train", "Zumba"),
    } | {f"more{n}": entry("training") for n in range(15)}
    write(tmp_path, TRAIN | bad)
    touch(tmp_path, "v_v_2.mp4")
    with pytest.raises(ValueError, match="24 invalid videos") as caught:
        activitynet.videos(tmp_path, "train")
    said = str(caught.value).splitlines()
    assert said[1] == "'none': video has no annotations"
    assert said[2] == "'odd': label 'Eating' is not one of the 200 classes"
    assert said[6] == "'flat': label None is not one of the 200 classes"
    assert said[7] == "'../up': name is not a YouTube id"
    assert said[9] == "'split': subset 'train' is not one of training, validation, testing"
    assert said[-1] == "and 4 more"
    assert len(said) == 22


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "has no videos under `database`"),
        ("{}", "has no videos under `database`"),
        ('{"database": [1]}', "has no videos under `database`"),
        ("[" * 100_000, "cannot be read"),
        ("\xff", "cannot be read"),
        ('{"database": {"a": {"subset": "testing"}}}', "is in the subset training"),
    ],
)
def test_odd_annotations_are_refused_in_a_sentence(tmp_path, text, words):
    (tmp_path / FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=words) as caught:
        activitynet.videos(tmp_path, "train")
    assert "\n" not in str(caught.value)


def test_annotations_of_a_huge_size_are_not_read(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setattr(official_files, "_MAX_BYTES", 100)
    with pytest.raises(ValueError, match="too large for annotations"):
        activitynet.videos(tmp_path, "train")


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"activity_net\.v1-3\.min\.json is not in"):
        activitynet.videos(tmp_path, "train")
    write(tmp_path)
    with pytest.raises(ValueError, match=r"no video of ActivityNet test is in .*val/"):
        activitynet.videos(tmp_path, "test")


@pytest.mark.parametrize(
    "nodes", [None, [], 3, ["a"], [{"nodeId": 1}], [{"nodeId": [], "parentId": [], "nodeName": 1}]]
)
def test_an_odd_taxonomy_is_refused_in_a_sentence(tmp_path, nodes):
    (tmp_path / FILE).write_text(json.dumps({"taxonomy": nodes}))
    with pytest.raises(ValueError, match=r"taxonomy|class names"):
        activitynet.class_names(tmp_path)


def test_other_class_names_are_refused(tmp_path):
    write(tmp_path, names=["Platform diving" if n == "Plataform diving" else n for n in NAMES])
    with pytest.raises(ValueError, match="lacks 'Plataform diving' and has 'Platform diving'"):
        activitynet.class_names(tmp_path)


PLACES = {
    "train": ("v1-2/train", "v1-3/train_val", "train_val", "v1-2_train", "v1-3_train_val"),
    "test": ("v1-2/val", "v1-3/train_val", "train_val", "v1-2_val", "v1-3_train_val"),
}


@pytest.mark.parametrize(("split", "place"), [(s, p) for s, ps in PLACES.items() for p in ps])
def test_the_folders_of_the_official_archives_are_looked_into(tmp_path, split, place):
    write(tmp_path)
    known = "abc-_12" if split == "train" else "val3"
    touch(tmp_path, f"{place}/v_{known}.mkv")
    path = tmp_path / place / f"v_{known}.mkv"
    assert activitynet.videos(tmp_path, split)[0].path == path
    (tmp_path / "rows.txt").write_text(f"v_{known}.mkv 3\n")
    (video,) = activitynet.videos(tmp_path, split, rows=tmp_path / "rows.txt")
    assert video.path == path


def test_archives_that_were_not_unpacked_are_named(tmp_path):
    write(tmp_path)
    touch(tmp_path, "v1-2_train.tar.gz", "videos/v1-3_train_val.tar.gz")
    with pytest.raises(ValueError, match=r"; 2 archives are there, such as 'v1-2_train"):
        activitynet.videos(tmp_path, "train")
