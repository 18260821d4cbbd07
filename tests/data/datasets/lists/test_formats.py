"""Lists as other programs write them: one format per list, found from its rows."""

import pytest

from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists.files import from_files, names_in
from tests.helpers.dataset_folders import put

VIDEOS = {"a/1.mp4": 0, "b/2.mp4": 1}
NAMES = ("run", "walk fast")


def read(root, text, *, name="list.txt", classes=None, folders=(), also=()):
    file = put(root.parent / name, text)
    tree = FolderTree(root, also)
    splits = from_files({"test": file}, tree, classes=classes, folders={"test": folders}).splits
    return {video.id: video.label for video in splits["test"]}


@pytest.fixture
def root(tmp_path):
    return put(tmp_path / "root" / "a" / "1.mp4").parents[1]


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";", ", ", "; "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".tsv"])
def test_any_separator_is_read_in_any_file(root, separator, end, mark, suffix):
    rows = [separator.join((path, str(label))) for path, label in VIDEOS.items()]
    assert read(root, mark + end.join(rows), name=f"list{suffix}", classes=2) == VIDEOS


@pytest.mark.parametrize(
    "header",
    [
        *("path,label", "PATH,LABEL", "Filename,Class", "video_name,label", "file,class_id"),
        *(
            "video path,action",
            "video_id,category",
            "vid,y",
            "frame_dir,gt_label",
            '"path","label"',
        ),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_header_is_no_video(root, header, separator):
    text = "".join(f"{path},{label}\n" for path, label in VIDEOS.items())
    assert read(root, f"{header}\n{text}".replace(",", separator), classes=2) == VIDEOS


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_may_be_named_in_another_order(root, separator):
    text = ",label,n_frames,path\n0,1,30,b/2.mp4\n1,0,30.0,a/1.mp4\n"
    assert read(root, text.replace(",", separator), classes=2) == VIDEOS


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_header_may_name_the_frames_of_videos(root, separator):
    rows = [f"{path},300,{label}\n" for path, label in VIDEOS.items()]
    text = "".join(["path,num_frames,label\n", *rows])
    assert read(root, text.replace(",", separator), classes=2) == VIDEOS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("foo,bar\na/1.mp4,0\n", "line 1: 'foo,bar' looks like names of columns"),
        ("foo bar\na/1.mp4 0\n", "line 1: 'foo bar' looks like names of columns"),
        ("path,label,split\na/1.mp4,0,train\n", "column 'split' is not known"),
        ("path,start,end,label\na/1.mp4,0,5,1\n", "column 'start' is not known"),
        ("path,label,class\na/1.mp4,0,run\n", "columns 'label' and 'class' both look like"),
        ("label path\n0 a/1.mp4\n", "separated by blanks are a path, perhaps frames"),
        ("a/1.mp4,0\npath,label\n", "line 2: label 'label' is not an integer"),
        ("path,label\na/1.mp4\n", "line 2: 'a/1.mp4' has 1 columns"),
    ],
)
def test_a_first_row_that_is_not_understood_is_named(root, text, words):
    with pytest.raises(ValueError, match="line") as caught:
        read(root, text, classes=2)
    assert words in str(caught.value)


def test_a_first_row_without_label_is_an_error_and_no_header(root):
    with pytest.raises(ValueError, match=r"line 1: 'b/2\.mp4' is not a path"):
        read(root, "b/2.mp4\na/1.mp4 0\n")
    with pytest.raises(ValueError, match="line 1: 'b/2' has no video suffix"):
        read(root, "b/2 1\na/1.mp4 0\n")


@pytest.mark.parametrize("text", ["x,y/1.mp4 0\nx,y/2.mp4 1\n", "x;y/1.mp4\t0\nx;y/2.mp4\t1\n"])
def test_separators_in_names_do_not_split_them(root, text):
    assert set(read(root, text).values()) == {0, 1}
    assert len(read(root, text)) == 2


def test_names_of_classes_may_have_blanks_and_commas(root):
    assert read(root, "a/1.mp4,walk fast\nb/2.mp4,run\n", classes=NAMES) == {
        "a/1.mp4": 1,
        "b/2.mp4": 0,
    }
    assert read(root, 'a/1.mp4,"x, y"\n', classes=("x, y",)) == {"a/1.mp4": 0}
    assert read(root, "a/1.mp4 Walk_Fast\n", classes=NAMES) == {"a/1.mp4": 1}


def test_labels_are_all_names_or_all_numbers(root):
    with pytest.raises(ValueError, match="line 2: '0' is not one of the 2 classes"):
        read(root, "a/1.mp4,run\nb/2.mp4,0\n", classes=NAMES)
    with pytest.raises(ValueError, match="line 2: label 'run' is not an integer"):
        read(root, "a/1.mp4,0\nb/2.mp4,run\n", classes=NAMES)


@pytest.mark.parametrize("label", ["walk\0", "walk\x1b[2J"])
def test_a_label_that_does_not_print_is_no_class(root, label):
    text = f"a/1.mp4,run\nb/2.mp4,{label}\n"
    names = names_in([put(root.parent / "list.txt", text)], FolderTree(root))
    assert names == ("run",)
    with pytest.raises(ValueError, match=r"line 2: .* is not one of the 1 classes"):
        read(root, text, classes=names)


def test_a_spelling_that_two_classes_share_is_refused(root):
    with pytest.raises(ValueError, match="'a b' is not one of the 2 classes"):
        read(root, "a/1.mp4,a b\n", classes=("a-b", "a_b"))


def test_classes_named_by_numbers_are_meant_by_their_names(root):
    assert read(root, "a/1.mp4 10\nb/2.mp4 2\n", classes=("0", "1", "10", "2")) == {
        "a/1.mp4": 2,
        "b/2.mp4": 3,
    }


@pytest.mark.parametrize("separator", [" ", ",", "\t"])
def test_folders_of_frames_are_listed_with_or_without_their_number(root, separator):
    put(root / "f" / "img_1.jpg")
    for middle in (separator, f"{separator}300{separator}", f"{separator}300.0{separator}"):
        assert read(root, f"f{middle}1\ngone{middle}0\n", classes=2) == {"f": 1, "gone": 0}


def test_more_numbers_than_frames_and_a_label_are_refused(root):
    put(root / "f" / "img_1.jpg")
    with pytest.raises(ValueError, match="line 1: 'f' is followed by 3 numbers"):
        read(root, "f 10 300 1\n", classes=2)


@pytest.mark.parametrize("written", ["a/1", "a/1.avi", "a/1.MP4", "a/1.mp4"])
def test_a_video_is_found_under_another_suffix_or_none(root, written):
    file = put(root.parent / "list.txt", f"{written} 1\n")
    (video,) = from_files({"test": file}, FolderTree(root)).splits["test"]
    assert video.path == root / "a" / "1.mp4"


def test_a_missing_video_is_not_replaced_by_a_folder(root):
    file = put(root.parent / "list.txt", "a.mp4 1\n")
    (video,) = from_files({"test": file}, FolderTree(root)).splits["test"]
    assert video.path == root / "a.mp4"


@pytest.mark.parametrize("linked", [False, True])
def test_absolute_paths_below_the_root_are_those_paths(root, linked):
    shown = root
    if linked:
        shown = root.parent / "link"
        shown.symlink_to(root)
    for tree_root in (root, shown):
        for written in (root, shown):
            text = f"{written}/a/1.mp4,0\n{written}/b/2.mp4,1\n"
            assert read(tree_root, text, classes=2) == VIDEOS


def test_absolute_paths_may_lie_in_another_folder_that_is_allowed(root, tmp_path):
    put(tmp_path / "disk2" / "c" / "3.mp4")
    text = f"{tmp_path}/disk2/c/3.mp4 0\n"
    assert read(root, text, also=[tmp_path / "disk2"]) == {"c/3.mp4": 0}
    with pytest.raises(ValueError, match=r"is not below .*; write it relative to that folder"):
        read(root, text)


def test_rows_may_begin_at_a_folder_in_the_root(root):
    put(root / "clips" / "x" / "1.mp4")
    file = put(root.parent / "list.txt", "x/1.mp4 0\nx/2.mp4 0\n")
    found = from_files({"test": file}, FolderTree(root)).splits["test"]
    assert [video.path for video in found] == [root / "clips" / "x" / f"{n}.mp4" for n in (1, 2)]


@pytest.mark.parametrize("prefix", ["data/k400/", "/elsewhere/k400/", "../k400/", "./x/"])
def test_rows_that_begin_elsewhere_are_refused_with_what_to_cut_off(root, prefix):
    with pytest.raises(ValueError, match=r"none of the first 2 paths .* 1 of them are") as e:
        read(root, f"{prefix}a/1.mp4 0\n{prefix}a/2.mp4 0\n")
    assert f"such as {prefix.rstrip('/')!r}" in str(e.value)


def test_a_list_in_utf_16_is_named_as_that(root):
    with pytest.raises(ValueError, match="is in UTF-16, as some spreadsheets save it"):
        read(root, "a/1.mp4,0\n".encode("utf-16"))


def test_names_of_classes_come_from_all_lists(root):
    files = [put(root.parent / f"{n}.csv", f"file;class\n{n}.mp4;{n} b\n") for n in "yx"]
    assert names_in(files, FolderTree(root)) == ("x b", "y b")


@pytest.mark.parametrize("separator", ["|", " | ", ":", ": ", "=", " -> ", "=>"])
@pytest.mark.parametrize("labels", [("0", "1"), NAMES])
@pytest.mark.parametrize("paths", [tuple(VIDEOS), ("a", "a"), ("gone/1.mp4", "gone/2.mp4")])
def test_another_separator_is_refused_by_name(root, separator, labels, paths):
    rows = [path + separator + label for path, label in zip(paths, labels, strict=True)]
    with pytest.raises(ValueError, match=r"list.txt: '.*' separates its columns; write") as caught:
        read(root, "\n".join(rows))
    assert repr(separator.strip()) in str(caught.value)


@pytest.mark.parametrize("separator", [" ", ",", ", ", "\t"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("“", "”"),
        ("„", "“"),
        ("‘", "’"),
        ("«", "»"),
        ("`", "`"),
        ("<", ">"),
        ("('", "'"),
        ('["', '"'),
    ],
)
@pytest.mark.parametrize("paths", [tuple(VIDEOS), ("gone/1.mp4", "gone/2.mp4"), ("a", "a")])
def test_other_marks_around_paths_are_refused_by_name(root, before, after, separator, paths):
    text = "".join(f"{before}{path}{after}{separator}0\n" for path in paths)
    with pytest.raises(ValueError, match=r"list\.txt: paths are between") as caught:
        read(root, text, classes=2)
    assert f"between {before} and {after}; write them plain" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["“a”.mp4", "<1.mp4> 2.mp4", "(a).mp4", "[1.mp4]", "`1.mp4`/2.mp4"]
)
def test_such_marks_may_be_part_of_a_name(root, name):
    put(root / name / "img_1.jpg" if name.endswith("]") else root / name)
    assert read(root, f"{name},0\n", classes=2) == {name: 0}


@pytest.mark.parametrize("row", ["'a/1.mp4': 0,", '"a/1.mp4": 0,'])
def test_a_dictionary_is_refused_by_its_separator(root, row):
    with pytest.raises(ValueError, match="':' separates its columns"):
        read(root, f"{row}\n", classes=2)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a/1.mp4 300 0", "'a/1.mp4' is followed by 2 columns; expected a label"),
        ("a/1.mp4 0 10 0", "'a/1.mp4' is followed by 3 columns; expected a label"),
        ("gone.mp4 0 10.0 300 1", "'gone.mp4' is followed by 4 columns; expected a label"),
        ("a/1.mp4,300,0", "has 3 columns; expected a path, a comma and a label"),
        ("a/1.mp4;0;", "has 3 columns; expected a path, a semicolon and a label"),
    ],
)
def test_more_columns_than_a_label_after_a_video_are_refused_as_what_they_are(root, row, words):
    with pytest.raises(ValueError, match="line 1: ") as caught:
        read(root, f"{row}\n", classes=2)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["a|b.mp4", "a=1.mp4", "x:y.mp4", "1.mp4=2.mp4", "a->b.mp4"])
@pytest.mark.parametrize("separator", [" ", ",", "\t"])
def test_such_a_character_may_be_part_of_a_name(root, name, separator):
    put(root / "a" / name)
    assert read(root, f"a/{name}{separator}1\n", classes=2) == {f"a/{name}": 1}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_comment_is_refused_and_makes_no_class(root, separator):
    rows = [f"a/1.mp4{separator}run", f"# from here on{separator} walks", f"b/2.mp4{separator}walk"]
    with pytest.raises(ValueError, match=r"^1 invalid rows:\nlist.txt, line 2: '# from here on'"):
        read(root, "\n".join(rows), classes=("run", "walk"))


def test_a_label_of_as_many_as_there_are_classes_asks_whether_they_begin_at_1(root):
    with pytest.raises(ValueError, match=r"label 2, allowed 0 to 1 .*; do labels begin at 1\?"):
        read(root, "a/1.mp4 1\nb/2.mp4 2\n", classes=2)
    with pytest.raises(ValueError, match=r"label 3, allowed 0 to 1 \(2 classes\)$"):
        read(root, "a/1.mp4 1\nb/2.mp4 3\n", classes=2)
