"""Lists without labels, and annotations of Kinetics in JSON: every class is known, or refused."""

import json

import pytest

from harness.data.datasets import (
    activitynet,
    folder,
    kinetics400,
    mini_kinetics200,
    something_v1,
    something_v2,
)
from harness.data.datasets.class_names import official_names
from tests.helpers import dataset_folders
from tests.helpers.dataset_folders import LABELS, put

CLIPS = dataset_folders.clips("test", 1)
NUMBERS = dict(zip(dataset_folders.CLASSES, LABELS, strict=True))
WANTED = {dataset_folders.name(clip): NUMBERS[clip[0]] for clip in CLIPS}


def labels(reader, root, split="test", **options):
    return {video.id: video.label for video in reader.videos(root, split, **options)}


def annotations(clips=CLIPS, subset="validate", **changes):
    return json.dumps(
        {
            source: {
                "annotations": {"label": label, "segment": [float(start), float(end)]},
                "duration": 10.0,
                "subset": subset,
                "url": f"https://www.youtube.com/watch?v={source}",
                **changes,
            }
            for label, source, start, end in clips
        }
    )


@pytest.fixture
def own(tmp_path):
    for name in ("run/1.mp4", "walk fast/2.avi", "walk fast/b/3.mp4", "run/4.mp4"):
        put(tmp_path / "own" / name)
    return tmp_path / "own"


@pytest.mark.parametrize(
    "text",
    [
        "run/1.mp4\nwalk fast/2.avi\n",
        "path\nrun/1.mp4\nwalk fast/2.avi\n",
        "run/1\r\nwalk fast/2\r\n",
        '"run/1.mp4"\n"walk fast/2.avi"\n',
        "1\n2\n",
        "video_id\n1.mp4\n2.avi\n",
    ],
)
@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
def test_a_path_or_an_id_alone_has_the_class_of_its_folder(own, text, name):
    rows = put(own.parent / name, text)
    assert labels(folder, own, rows=rows) == {"run/1.mp4": 0, "walk fast/2.avi": 1}


def test_a_missing_video_of_a_bare_list_is_listed_where_its_folder_is_a_class(own):
    rows = put(own.parent / "list.txt", "run/1.mp4\nwalk fast/9.mp4\n")
    assert labels(folder, own, rows=rows) == {"run/1.mp4": 0, "walk fast/9.mp4": 1}


def test_bare_lists_in_the_root_have_the_classes_of_its_folders(own):
    put(own / "train.txt", "run/1.mp4\nwalk fast/2.avi\n")
    put(own / "test.txt", "walk fast/b/3.mp4\nrun/4.mp4\n")
    assert folder.class_names(own) == ("run", "walk fast")
    assert labels(folder, own, "train") == {"run/1.mp4": 0, "walk fast/2.avi": 1}
    assert labels(folder, own) == {"walk fast/b/3.mp4": 1, "run/4.mp4": 0}


def test_one_list_with_labels_and_one_without_are_refused(own):
    put(own / "train.txt", "run/1.mp4 1\nwalk fast/2.avi 2\n")
    put(own / "test.txt", "run/4.mp4\n")
    with pytest.raises(ValueError, match=r"lists with labels, and test\.txt without; add them"):
        folder.videos(own, "test")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("else/1.mp4\n", "has no labels, and none of its rows is the path or the id"),
        ("77\n78\n", "has no labels, and none of its rows is the path or the id"),
        ("run/1.mp4\nelse/1.mp4\n", "line 2: 'else/1.mp4' has no label, and is neither"),
        ("run/1.mp4\n../x.mp4\n", "line 2: '../x.mp4' is not a plain path"),
    ],
)
def test_a_bare_row_of_unknown_class_is_refused(own, text, words):
    with pytest.raises(ValueError, match=r"list\.txt") as error:
        folder.videos(own, "test", rows=put(own.parent / "list.txt", text))
    assert words in str(error.value)


def test_a_bare_name_of_several_videos_is_refused(own):
    put(own / "walk fast" / "1.mp4")
    with pytest.raises(
        ValueError, match=r"line 1: '1' is the name of several videos; write a path"
    ):
        folder.videos(own, "test", rows=put(own.parent / "list.txt", "1\n2\n"))


def test_a_bare_list_without_any_classes_says_so(tmp_path):
    root = put(tmp_path / "root" / "1.mp4").parent
    with pytest.raises(
        ValueError, match=r"does not say the class or the path of a video: .*<class>"
    ):
        folder.videos(root, "test", rows=put(tmp_path / "list.txt", "1.mp4\n"))


@pytest.mark.parametrize("write", [lambda video: video.id, lambda video: video.id[:11]])
@pytest.mark.parametrize("layout", [dataset_folders.class_folders, dataset_folders.flat])
def test_ids_and_paths_of_kinetics_have_the_class_of_its_folders_or_annotations(
    tmp_path, write, layout
):
    root = layout(tmp_path / "root")
    found = kinetics400.videos(root, "test")
    wanted = {video.id: video.label for video in found}
    rows = put(tmp_path / "ids.txt", "".join(f"{write(video)}\n" for video in found[1:]))
    assert labels(kinetics400, root, rows=rows) == dict([*wanted.items()][1:])
    put(rows, "".join(f"{video.path.relative_to(root)}\n" for video in found))
    assert labels(kinetics400, root, rows=rows) == wanted
    put(root / "kinetics_val_list.txt", rows.read_bytes())
    assert labels(kinetics400, root) == wanted


def test_paths_below_the_folders_of_splits_are_found(tmp_path):
    for name in ("train/run/1.mp4", "test/run/2.mp4", "test/walk/3.mp4"):
        put(tmp_path / "own" / name)
    rows = put(tmp_path / "list.txt", "run/2.mp4\nwalk/3.mp4\n")
    found = folder.videos(tmp_path / "own", "test", rows=rows)
    assert [video.path.is_file() for video in found] == [True, True]
    assert [video.label for video in found] == [0, 1]


def test_ids_of_something_and_of_activitynet_have_the_class_of_the_official_lists(tmp_path):
    names = official_names("something_v1")
    (tmp_path / "v1" / "videos").mkdir(parents=True)
    put(tmp_path / "v1" / "something-something-v1-validation.csv", f"3;{names[5]}\n4;{names[7]}\n")
    rows = put(tmp_path / "ids.txt", "4\n")
    assert labels(something_v1, tmp_path / "v1", rows=rows) == {"4": 7}
    put(rows, "5\n")
    with pytest.raises(ValueError, match="has no labels, and none of its rows"):
        something_v1.videos(tmp_path / "v1", "test", rows=rows)
    (tmp_path / "v2" / "videos").mkdir(parents=True)
    put(
        tmp_path / "v2" / "labels.json",
        json.dumps({f"thing {label}": str(label) for label in range(174)}),
    )
    put(tmp_path / "v2" / "validation.json", json.dumps([{"id": "8", "template": "[thing] 9"}]))
    assert labels(something_v2, tmp_path / "v2", rows=put(rows, "8\n")) == {"8": 9}


@pytest.mark.parametrize("place", ["annotations/validate.json", "kinetics400/validate.json", ""])
def test_annotations_of_kinetics_may_be_json(tmp_path, place):
    root = tmp_path / "root"
    put(root / "val" / "anything" / f"{CLIPS[0][1]}.mp4")
    file = put(root / place if place else tmp_path / "mine.json", annotations())
    found = kinetics400.videos(root, "test", rows=None if place else file)
    assert {video.id: video.label for video in found} == WANTED
    assert [video.path.is_file() for video in found] == [True, False, False, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "is no list of videos as Kinetics writes them in JSON"),
        ("{}", "is no list of videos as Kinetics writes them in JSON"),
        ('{"version": "1.3", "database": {}}', "is no list of videos as Kinetics writes them"),
        (annotations(annotations={}), "'{0}': it has no `label` under `annotations`"),
        (annotations(annotations={"label": "abseiling"}), "'{0}': its `segment` None is not"),
        (
            annotations(annotations={"label": "abseiling", "segment": [0.5, 10.0]}),
            "'{0}': time_start '0.5' is not an integer",
        ),
        (
            annotations(annotations={"label": "absailing", "segment": [0, 10]}),
            "'{0}': 'absailing' is not one of the 400 classes; did you mean 'abseiling'?",
        ),
        (annotations(subset="train"), "'{0}': {0} is of split 'train'"),
    ],
)
def test_odd_json_is_refused_with_its_entry(tmp_path, text, words):
    put(tmp_path / "root" / "val" / "x.mp4")
    with pytest.raises(ValueError, match=r"list\.json") as error:
        kinetics400.videos(tmp_path / "root", "test", rows=put(tmp_path / "list.json", text))
    assert words.format(CLIPS[0][1]) in str(error.value)


def test_json_of_kinetics_lists_own_videos_and_those_of_mini_kinetics(tmp_path):
    own = tmp_path / "own"
    for label, source, _, _ in CLIPS:
        put(own / label.replace(" ", "_") / f"{source}.mp4")
    classes = folder.class_names(own)
    found = labels(folder, own, rows=put(tmp_path / "test.json", annotations()))
    assert {classes[label].replace("_", " "): name for name, label in found.items()} == {
        clip[0]: f"{clip[0].replace(' ', '_')}/{clip[1]}.mp4" for clip in CLIPS
    }


@pytest.mark.parametrize("reader", [something_v2, activitynet])
def test_json_of_kinetics_is_refused_where_json_has_another_form(tmp_path, reader):
    (tmp_path / "videos").mkdir()
    put(tmp_path / "labels.json", json.dumps({f"thing {n}": str(n) for n in range(174)}))
    with pytest.raises(ValueError, match=r"list\.json (is not a list of|has no) videos"):
        reader.videos(tmp_path, "test", rows=put(tmp_path / "list.json", annotations()))


def test_mini_kinetics_reads_paths_and_json_by_its_own_classes(tmp_path):
    root = tmp_path / "root"
    dataset_folders.class_folders(root)
    by_split = {split: kinetics400.videos(root, split) for split in ("train", "test")}
    for split, name in (("train", "train"), ("test", "val")):
        ids = "".join(f"{video.id[:11]}\n" for video in by_split[split])
        put(root / f"{name}_ytid_list.txt", ids)
    wanted = labels(mini_kinetics200, root)
    paths = "".join(f"{video.path.relative_to(root)}\n" for video in by_split["test"])
    assert labels(mini_kinetics200, root, rows=put(tmp_path / "list.txt", paths)) == wanted
    names = mini_kinetics200.class_names(root)
    clips = [
        (names[label], name[:11], int(name[12:18]), int(name[19:]))
        for name, label in wanted.items()
    ]
    file = put(tmp_path / "list.json", annotations(clips))
    assert labels(mini_kinetics200, root, rows=file) == wanted
