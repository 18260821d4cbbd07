"""Copies of Kinetics-400, in every layout, come to the same ids and labels."""

import shutil

import pytest

from harness.data.datasets.kinetics400 import class_names, videos
from harness.data.prepare import check, sources, summary
from harness.data.prepare.probe_pool import ProbeSettings
from tests.helpers import dataset_folders
from tests.helpers.dataset_folders import HEAD, LABELS, put

NUMBERS = dict(zip(dataset_folders.CLASSES, LABELS, strict=True))
CLIP = "-train_0000_000000_000010"


def wanted(split, each=2):
    """Return id and label of each clip."""
    return {
        dataset_folders.name(clip): NUMBERS[clip[0]] for clip in dataset_folders.clips(split, each)
    }


def listed(root, split, **options):
    found = videos(root, split, **options)
    assert len({each.id for each in found}) == len(found)
    return {each.id: each.label for each in found}


def all_there(root, split, **options):
    return all(each.path.exists() for each in videos(root, split, **options))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("prefix", ["", "videos_"])
def test_folders_of_classes_and_archives_give_the_same(tmp_path, split, prefix):
    flat, folders = (
        dataset_folders.flat(tmp_path / "a"),
        dataset_folders.class_folders(tmp_path / "b", prefix),
    )
    assert listed(flat, split) == listed(folders, split) == wanted(split)
    assert all_there(flat, split)
    assert all_there(folders, split)
    assert [class_names(flat)[label] for label in LABELS] == list(dataset_folders.CLASSES)


@pytest.mark.parametrize("suffix", ["_256", ""])
def test_folders_of_a_copy_may_say_its_size(tmp_path, suffix):
    dataset_folders.class_folders(tmp_path)
    for name in ("train", "val"):
        (tmp_path / name).rename(tmp_path / f"{name}{suffix}")
    assert listed(tmp_path, "test") == wanted("test")


def test_lists_of_frame_folders_are_found_and_their_counts_not_believed(tmp_path):
    dataset_folders.frame_folders(tmp_path)
    assert listed(tmp_path, "train") == wanted("train", each=1)
    found = videos(tmp_path, "test")
    assert all((each.path / "img_00012.jpg").is_file() for each in found)
    assert found[0].path.parent == tmp_path / "rawframes_val" / "abseiling"
    for list_file in tmp_path.glob("*.txt"):
        list_file.unlink()
    assert listed(tmp_path, "test") == wanted("test", each=1)


@pytest.mark.parametrize(
    "name", ["kinetics400_val_list_videos.txt", "kinetics_val_list.txt", "val.csv", ""]
)
def test_rows_begin_at_the_root_or_at_the_folder_of_their_split(tmp_path, name):
    root = dataset_folders.class_folders(tmp_path / "root", "videos_")
    dataset_folders.frames(root / "rawframes_val" / "abseiling" / "x")
    row = f"hurling_sport/{dataset_folders.name(dataset_folders.clips('test')[2])}.mp4 161\n"
    for text in (row, f"videos_val/{row}"):
        file = put(root / name if name else tmp_path / "rows", text)
        (found,) = videos(root, "test", rows=None if name else file)
        assert found.path == root / "videos_val" / row.split()[0]
        assert found.path.is_file()
        assert found.id == dataset_folders.name(dataset_folders.clips("test")[2])


@pytest.mark.parametrize("where", ["annotations/{}.csv", "{}.csv", "annotations/kinetics_{}.csv"])
def test_annotations_decide_what_is_listed_and_clips_may_lie_anywhere(tmp_path, where):
    root = dataset_folders.class_folders(tmp_path)
    for split, name in dataset_folders.VAL.items():
        dataset_folders.annotations(root / where.format(name), split)
    train = root / "train"
    first, second = sorted(train.glob("abseiling/*"))
    first.rename(train / "hurling_sport" / f"{first.stem}.mkv")
    second.rename(train / f"{second.stem[:11]}.mp4")
    shutil.rmtree(train / "petting_animal_(not_cat)")
    put(train / "abseiling" / "AAAAAAAAAAA_000001_000011.mp4")
    (train / "tap_dancing").mkdir()
    (train / "what else").mkdir()
    found = {each.id: each for each in videos(root, "train")}
    assert {name: each.label for name, each in found.items()} == wanted("train")
    assert found[first.stem].path == train / "hurling_sport" / f"{first.stem}.mkv"
    assert found[second.stem].path == train / f"{second.stem[:11]}.mp4"
    missing = {each.path for each in found.values() if not each.path.exists()}
    lost = [dataset_folders.name(clip) for clip in dataset_folders.clips("train")[-2:]]
    assert missing == {train / "petting animal (not cat)" / f"{name}.mp4" for name in lost}


@pytest.mark.slow
def test_a_clip_that_annotations_name_is_missing_where_it_should_be(tmp_path):
    root = dataset_folders.flat(tmp_path)
    (root / "train" / f"{CLIP}.mp4").unlink()
    found = {each.id: each for each in videos(root, "train")}
    assert found.keys() == wanted("train").keys()
    assert found[CLIP].path == root / "train" / f"{CLIP}.mp4"
    source = sources.read_source("kinetics400", root, tmp_path / "data")
    done = check.check_videos(
        source.splits, root, tmp_path / "out", ProbeSettings(), progress=lambda *_: None
    )
    found = summary.summarise(done, source)
    assert found.listed == {"train": 246_535, "test": 19_907}
    assert found.verdicts == {"train": {"missing": 1, "ok": 7}, "test": {"ok": 8}}


def test_a_clip_in_several_formats_is_the_first_of_them(tmp_path):
    folder = tmp_path / "val" / "abseiling"
    for name in ("b.webm", "b.MP4", "b.mkv", "a.webm", "a.txt", ".c.mp4"):
        put(folder / name)
    (folder / "b").mkdir()
    (folder / "d").mkdir()
    assert [each.id for each in videos(tmp_path, "test")] == [
        *("abseiling/a.webm", "abseiling/b.MP4", "abseiling/d")
    ]


def test_a_clip_in_two_classes_is_refused(tmp_path):
    root = dataset_folders.class_folders(tmp_path)
    put(root / "train" / "archery" / f"{CLIP}.mp4")
    with pytest.raises(ValueError, match=rf"'{CLIP}' has label 5, but had label 0 before"):
        videos(root, "train")


def test_folders_of_no_class_are_refused_by_name(tmp_path):
    root = dataset_folders.class_folders(tmp_path)
    put(root / "train" / "abseilin" / "a.mp4")
    put(root / "train" / "qqq" / "a.mp4")
    with pytest.raises(ValueError, match=r"^2 invalid names:\n") as caught:
        videos(root, "train")
    assert str(caught.value).splitlines()[1:] == [
        "train: 'abseilin' is not one of the 400 classes; did you mean 'abseiling'?",
        "train: 'qqq' is not one of the 400 classes",
    ]


@pytest.mark.parametrize("linked", ["abseiling", "archery/a.mp4"])
def test_links_out_of_the_root_are_refused(tmp_path, linked):
    root = tmp_path / "root"
    put(root / "val" / "zumba" / "a.mp4")
    put(tmp_path / "secret" / "a.mp4")
    link = root / "val" / linked
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "secret" / ("" if linked == "abseiling" else "a.mp4"))
    with pytest.raises(ValueError, match=rf"^1 invalid names:\n.*{linked}.* leads out of the root"):
        videos(root, "test")


def test_an_annotated_clip_that_is_a_link_out_of_the_root_is_refused(tmp_path):
    root = dataset_folders.flat(tmp_path / "root")
    path = root / "train" / f"{CLIP}.mp4"
    path.rename(tmp_path / "away.mp4")
    path.symlink_to(tmp_path / "away.mp4")
    with pytest.raises(ValueError, match=r"train.csv, line 2: .* leads out of the root by a link"):
        videos(root, "train")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("abseilling,AAAAAAAAAAA,1,11,val,0", "did you mean 'abseiling'?"),
        (",AAAAAAAAAAA,1,11,val,0", "'' is not one of the 400 classes"),
        ("0,AAAAAAAAAAA,1,11,val,0", "'0' is not one of the 400 classes"),
        ("zumba,AAAAAAAAAAA,1,11,val", "has 5 columns, but the first row has 6"),
        ("zumba,AAAAAAAAAAA,1,11,val,0,", "has 7 columns, but the first row has 6"),
        ("zumba AAAAAAAAAAA 1 11 val 0", "has 1 columns"),
        ("zumba,AAAAAAAAAAA,1.5,11,val,0", "time_start '1.5' is not an integer number of seconds"),
        ("zumba,AAAAAAAAAAA,1,-1,val,0", "time_end '-1' is not an integer number of seconds"),
        ("zumba,AAAAAAAAAAA,1,,val,0", "time_end '' is not an integer number of seconds"),
        ("zumba,AAAAAAAAAAA,1,11,train,0", "AAAAAAAAAAA is of split 'train'"),
        ("zumba,#NAME?,1,11,val,0", "'#NAME?' is not a YouTube id"),
        ("zumba,AAAAAAAAAA,1,11,val,0", "'AAAAAAAAAA' is not a YouTube id"),
        ("zumba,AAAAAAAAAAA ,1,11,val,0", "'AAAAAAAAAAA ' is not a YouTube id"),
        ("zumba,éAAAAAAAAAA,1,11,val,0", "is not a YouTube id"),
        ("zumba,../../../aa,1,11,val,0", "is not a YouTube id"),
        ("zumba,/etc/passwd,1,11,val,0", "is not a YouTube id"),
        ("zumba,concat:a|aa,1,11,val,0", "is not a YouTube id"),
        ("zumba,http://a/aa,1,11,val,0", "is not a YouTube id"),
        ("zumba,AAAAA\0AAAAA,1,11,val,0", "is not a YouTube id"),
        ('zumba,"AAAAAAAAAAA,1,11,val,0', "is not a row of a CSV file"),
        (
            "abseiling,GOOD-------,1,11,val,0",
            "'GOOD-------_000001_000011' has label 0, but had label 399",
        ),
        (b"zumba,AAAAAAAAA\xff,1,11,val,0", "not UTF-8 at byte 15"),
    ],
)
def test_a_wrong_annotation_is_refused_with_its_line(tmp_path, row, words):
    (tmp_path / "val").mkdir()
    good = b"zumba,GOOD-------,1,11,val,0\r\n"
    row = row if isinstance(row, bytes) else row.encode()
    rows = b"\xef\xbb\xbf" + HEAD.encode() + good + row + b"\r\n" + good
    put(tmp_path / "val.csv", rows + b'"massaging person\'s head",LAST-------,1,11,,')
    with pytest.raises(ValueError, match=r"^1 invalid rows:\nval.csv, line 3: ") as caught:
        videos(tmp_path, "test")
    assert words in str(caught.value)
    put(
        tmp_path / "val.csv",
        rows.replace(row, b"") + b'"massaging person\'s head",L_ST-------,1,2,,',
    )
    assert listed(tmp_path, "test") == {
        "GOOD-------_000001_000011": 399,
        "L_ST-------_000001_000002": 196,
    }


def test_annotations_without_a_needed_column_say_so_once(tmp_path):
    (tmp_path / "val").mkdir()
    put(tmp_path / "val.csv", "youtube_id,time_start,time_end\n" + "AAAAAAAAAAA,1,11\n" * 30)
    with pytest.raises(ValueError, match=r"^1 invalid rows:\n.*line 1: .* has no column 'label'"):
        videos(tmp_path, "test")


def test_labels_of_rows_are_below_400(tmp_path):
    rows = put(tmp_path / "rows", "a.mp4 399\nb.mp4 400\n")
    with pytest.raises(ValueError, match=r"line 2: label 400, allowed 0 to 399 \(400 classes\)"):
        videos(tmp_path, "test", rows=rows)


def test_clips_of_other_names_are_told_apart_by_their_paths(tmp_path):
    rows = put(tmp_path / "rows", "a/1.mp4 3\nb/1.mp4 3\n")
    assert listed(tmp_path, "test", rows=rows) == {"a/1.mp4": 3, "b/1.mp4": 3}
    put(rows, f"a/{CLIP}.mp4 3\nb/{CLIP}.mkv 3\n")
    with pytest.raises(ValueError, match=rf"line 2: '{CLIP}' is .*b/{CLIP}.mkv, but was .*a/"):
        videos(tmp_path, "test", rows=rows)


def test_of_two_copies_none_is_guessed(tmp_path):
    root = dataset_folders.class_folders(tmp_path)
    (root / "val_256").mkdir()
    with pytest.raises(ValueError, match=r"several copies are present, keep one: .*val, .*256"):
        videos(root, "test")
    for kind in ("videos", "rawframes"):
        put(root / f"kinetics400_val_list_{kind}.txt", "a.mp4 1\n")
    with pytest.raises(ValueError, match=r"several copies.*list_videos.txt, .*list_rawframes"):
        videos(root, "test")


def test_what_is_not_there_is_said_in_one_sentence(tmp_path):
    for make, words in (
        (lambda: None, "contains no videos of Kinetics-400 test: expected one of val/, val_256/"),
        (lambda: put(tmp_path / "val" / f"{CLIP}.mp4"), "no class folders, and val.csv is not in"),
        (lambda: put(tmp_path / "val.csv", HEAD), r"val.csv contains no rows"),
    ):
        make()
        with pytest.raises(ValueError, match=words) as caught:
            videos(tmp_path, "test")
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="unknown split 'val'"):
        videos(tmp_path, "val")


def test_a_clip_in_train_and_val_is_a_leak(tmp_path):
    root = dataset_folders.class_folders(tmp_path)
    shutil.copy(root / "train" / "abseiling" / f"{CLIP}.mp4", root / "val" / "abseiling")
    with pytest.raises(ValueError, match=f"1 videos are in both splits, a leak: '{CLIP}'"):
        sources.read_source("kinetics400", root, tmp_path / "data")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("head", [HEAD, "Label,YouTube_ID,Time_Start,Time_End,Split,Is_CC\n"])
def test_annotations_may_come_out_of_a_spreadsheet(tmp_path, separator, head):
    put(tmp_path / "val" / "GOOD-------_000010_000020.mp4")
    rows = f"{head}zumba,GOOD-------,10.0,20.0,val,0.0\r\n".replace(",", separator)
    put(tmp_path / "val.csv", f"\ufeff{rows}")
    assert listed(tmp_path, "test") == {"GOOD-------_000010_000020": 399}
    assert all_there(tmp_path, "test")


@pytest.mark.parametrize("place", ["part_0", "part_1/val", "part_2/zumba"])
def test_annotated_clips_may_lie_in_the_parts_of_the_archive(tmp_path, place):
    put(tmp_path / "val" / place / "GOOD-------_000010_000020.mp4")
    put(tmp_path / "val.csv", f"{HEAD}zumba,GOOD-------,10,20,val,0\n")
    assert all_there(tmp_path, "test")


@pytest.mark.parametrize(
    "place",
    ["replacement_for_corrupted_k400", "replacement/replacement_for_corrupted_k400", "replacement"],
)
def test_a_replacement_counts_before_the_damaged_clip(tmp_path, place):
    clip = "GOOD-------_000010_000020.mp4"
    put(tmp_path / "val" / clip)
    put(tmp_path / place / clip)
    put(tmp_path / "val.csv", f"{HEAD}zumba,GOOD-------,10,20,val,0\n")
    assert [video.path for video in videos(tmp_path, "test")] == [tmp_path / place / clip]


@pytest.mark.parametrize(
    "text", ["{}.mp4,{}\n", "{}.mp4 {}\n", "path;label\n{}.mp4;{}\n", "{}\t{}\n"]
)
@pytest.mark.parametrize("label", ["399", "399.0", "zumba", "Zumba"])
@pytest.mark.parametrize("name", ["val.csv", "kinetics400_val_list_videos.txt"])
def test_lists_of_paths_may_have_any_form(tmp_path, text, label, name):
    put(tmp_path / "val" / "zumba" / f"{CLIP}.mp4")
    put(tmp_path / name, text.format(f"zumba/{CLIP}", label))
    assert listed(tmp_path, "test") == {CLIP: 399}
    assert all_there(tmp_path, "test")


def test_clips_below_a_class_folder_and_folders_without_clips(tmp_path):
    put(tmp_path / "val" / "zumba" / "monday" / f"{CLIP}.mp4")
    put(tmp_path / "val" / "thumbnails" / "1.txt")
    (tmp_path / "val" / "empty").mkdir()
    assert listed(tmp_path, "test") == {CLIP: 399}


def test_archives_that_were_not_unpacked_are_named(tmp_path):
    put(tmp_path / "val" / "part_0.tar.gz")
    with pytest.raises(ValueError, match=r"1 archives are there, such as 'val/part_0.tar.gz'"):
        videos(tmp_path, "test")
