"""Mini-Kinetics-200: ids in two lists, and what Kinetics-400 knows of them."""

from dataclasses import replace

import pytest

from harness.data.datasets.mini_kinetics200 import class_names, videos
from harness.data.prepare import check, sources, summary, summary_files
from harness.data.prepare.probe_pool import ProbeSettings
from tests.helpers import dataset_folders
from tests.helpers.dataset_folders import VAL, put

NAMES = ("abseiling", "massaging person's head", "petting animal (not cat)")


def wanted(split):
    listed = [clip for clip in dataset_folders.clips(split) if clip[0] in NAMES]
    return {dataset_folders.name(clip): NAMES.index(clip[0]) for clip in listed}


def listed(root, split, **options):
    return {each.id: each.label for each in videos(root, split, **options)}


@pytest.mark.parametrize("make", [dataset_folders.flat, dataset_folders.class_folders])
@pytest.mark.parametrize("folder", ["", "mini_kinetics200"])
def test_the_classes_are_those_that_occur_in_the_lists(tmp_path, make, folder):
    root = make(tmp_path)
    dataset_folders.mini_lists(root / folder)
    assert class_names(root) == NAMES
    for split in VAL:
        assert listed(root, split) == wanted(split)
        assert all(each.path.is_file() for each in videos(root, split))


def test_frame_folders_and_their_lists_are_enough(tmp_path):
    root = dataset_folders.frame_folders(tmp_path)
    ids = {split: [clip[1] for clip in dataset_folders.clips(split, each=1)] for split in VAL}
    for split, name in VAL.items():
        put(root / f"{name}_ytid_list.txt", "\r\n".join(ids[split][1:]))
    assert list(listed(root, "test").values()) == [0, 1, 2]
    assert class_names(root) == dataset_folders.CLASSES[1:]


def test_a_class_in_one_list_alone_counts_in_both(tmp_path):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path))
    put(root / "val_ytid_list.txt", dataset_folders.clips("test")[-1][1])
    assert class_names(root) == NAMES
    assert list(listed(root, "test").values()) == [2]


def test_with_annotations_a_lost_video_is_listed_with_its_class(tmp_path):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path))
    lost = dataset_folders.clips("train")[0]
    (root / "train" / f"{dataset_folders.name(lost)}.mp4").unlink()
    assert listed(root, "train") == wanted("train")


def add(root, split, number, known=0):
    """Add ids that nobody knows, and as many clips that are known."""
    file = root / f"{VAL[split]}_ytid_list.txt"
    names = [f"UNKNOWN{n:04d}" for n in range(number)] + [f"KNOWN__{n:04d}" for n in range(known)]
    put(file, "\n".join([file.read_text(), *names]))
    for n in range(known):
        put(root / VAL[split] / "abseiling" / f"KNOWN__{n:04d}.mp4", dataset_folders.movie())


@pytest.mark.slow
def test_a_lost_video_of_no_known_class_still_counts_as_listed_and_missing(tmp_path):
    root = dataset_folders.mini_lists(dataset_folders.class_folders(tmp_path))
    add(root, "train", 1, known=13)
    found = videos(root, "train")
    assert [each.id for each in found if not each.labels] == ["UNKNOWN0000"]
    source = replace(sources.read_source("mini_kinetics200", root, tmp_path / "data"), official={})
    done = check.check_videos(
        source.splits, root, tmp_path / "out", ProbeSettings(), progress=lambda *_: None
    )
    said = summary.summarise(done, source)
    assert said.verdicts["train"] == {"ok": 19, "missing": 1}
    known = summary.build_passport(done, source)
    assert known.coverage["listed"] == {"train": 20, "test": 6}
    assert known.coverage["good"] == {"train": 19, "test": 6}
    paths = summary_files.write(done, said, source, tmp_path / "out")
    assert "unknown to Kinetics-400/UNKNOWN0000.mp4,missing" in paths[1].read_text()


def test_more_than_one_in_twenty_without_a_class_is_too_many(tmp_path):
    root = dataset_folders.mini_lists(dataset_folders.class_folders(tmp_path))
    add(root, "train", 8)
    with pytest.raises(
        ValueError, match="of 8 of 14 listed videos, such as UNKNOWN0000,"
    ) as caught:
        videos(root, "train")
    assert "UNKNOWN0004" in str(caught.value)
    assert "UNKNOWN0005" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ids_of_train_are_looked_for_in_train_alone(tmp_path):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path))
    ids = (root / "val_ytid_list.txt").read_text()
    put(root / "train_ytid_list.txt", ids)
    with pytest.raises(ValueError, match="has no row and no file of 6 of 6"):
        videos(root, "train")


@pytest.mark.parametrize(
    "row",
    ["short", "../../../aa", "AAAAAAAAAAAA", "AAAAAAAAAAA 1", "#NAME?", "AAAAA\0AAAAA", "é" * 11],
)
def test_a_row_that_is_no_id_is_refused_with_its_line(tmp_path, row):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path))
    file = root / "val_ytid_list.txt"
    put(file, f"\ufeff{file.read_text()}\r\n\r\n{row}\r\n")
    with pytest.raises(ValueError, match=r"^1 invalid rows:\n.*line 8: .* is not a YouTube id"):
        videos(root, "test")
    put(file, file.read_text().replace(row, ""))
    assert listed(root, "test") == wanted("test")


def test_an_id_said_twice_counts_once(tmp_path):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path))
    file = root / "val_ytid_list.txt"
    put(file, f"{file.read_text()}\n{file.read_text()}\n")
    assert listed(root, "test") == wanted("test")


def test_a_list_of_some_ids_keeps_the_labels_of_the_official_ones(tmp_path):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path / "root"))
    some = put(tmp_path / "some", dataset_folders.clips("test")[-1][1])
    assert list(listed(root, "test", rows=some).values()) == [2]
    put(some, dataset_folders.clips("test")[2][1])
    with pytest.raises(ValueError, match="has a class that does not occur in the official lists"):
        videos(root, "test", rows=some)


def test_rows_of_paths_have_labels_below_200_and_no_names(tmp_path):
    root = dataset_folders.class_folders(tmp_path / "root")
    path = f"abseiling/{dataset_folders.name(dataset_folders.clips('test')[0])}.mp4"
    rows = put(tmp_path / "rows", f"{path} 199\n")
    (found,) = videos(root, "test", rows=rows)
    assert (found.label, found.path) == (199, root / "val" / path)
    assert class_names(root) == ()
    put(rows, f"{path} 200\n")
    with pytest.raises(ValueError, match="allowed 0 to 199"):
        videos(root, "test", rows=rows)


def test_without_both_lists_there_are_no_classes(tmp_path):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path))
    (root / "train_ytid_list.txt").unlink()
    with pytest.raises(ValueError, match=r"train_ytid_list.txt is not in ") as caught:
        videos(root, "test")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["{}", "{}.mp4", "{}_000003_000013.mp4", "{}_000003_000013"])
def test_ids_may_be_names_of_files(tmp_path, form):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path))
    known = wanted("test")
    first = next(iter(known))
    rows = put(tmp_path / "mine.txt", form.format(first[:11]) + "\n")
    assert listed(root, "test", rows=rows) == {first: known[first]}


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_a_list_of_paths_may_have_any_separator(tmp_path, separator):
    root = dataset_folders.mini_lists(dataset_folders.flat(tmp_path))
    first = next(iter(wanted("test")))
    rows = put(tmp_path / "mine.csv", f"{first}.mp4{separator}1\n")
    assert listed(root, "test", rows=rows) == {first: 1}
