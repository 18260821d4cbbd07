"""Lists in quotes of either kind, and with accents composed in another way than on the disk."""

import unicodedata
from itertools import product

import pytest

from harness.data.datasets import folder
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists.files import from_files
from tests.helpers.dataset_folders import put

CLASSES = ("#1, first", "50% off", "don't jump", 'say "hé"', "été; hiver")
NAMES = ("a b.mp4", "it's.mp4", 'q"1".mp4', "50%20.mp4", "what?.mp4", "#a,b.mp4", "été.mp4")
PATHS = {f"{name}/{video}": label for label, name in enumerate(CLASSES) for video in NAMES[label:]}
FORMS = ("NFC", "NFD")


def quoted(text, quote):
    return quote + text.replace(quote, 2 * quote) + quote


def fill(root, form="NFC"):
    for path in PATHS:
        put(root / unicodedata.normalize(form, path))
    return root


def read(root, text, *, name="list.txt", classes=None):
    """Return the labels of a list by the paths of its videos below the root."""
    file = put(root.parent / name, text)
    videos = from_files({"test": file}, FolderTree(root), classes=classes).splits["test"]
    return {video.path.relative_to(root).as_posix(): video.label for video in videos}


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("separator", [",", "; ", "\t", " ", "  "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "  \n"])
@pytest.mark.parametrize("suffix", [".txt", ".csv"])
@pytest.mark.parametrize("columns", ["paths", "both", "names", "header"])
def test_a_list_in_quotes_of_either_kind_is_read(tmp_path, quote, separator, end, suffix, columns):
    root = fill(tmp_path / "root")
    rows = [
        separator.join(
            (
                quoted(path, quote),
                quoted(CLASSES[label], quote)
                if columns == "names"
                else str(label)
                if columns == "paths"
                else quoted(str(label), quote),
            )
        )
        for path, label in PATHS.items()
    ]
    if columns == "header":
        rows.insert(0, separator.join(quoted(name, quote) for name in ("path", "label")))
    assert read(root, end.join([*rows, ""]), name=f"list{suffix}", classes=CLASSES) == PATHS


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("missing", [False, True])
def test_paths_with_blanks_alone_may_be_in_quotes(tmp_path, quote, missing):
    root = put(tmp_path / "root" / "other" / "0.mp4").parents[1] if missing else tmp_path / "root"
    paths = {"run/a b.mp4": 0, "run/c.mp4": 0, "walk/d e.mp4": 1, "walk/it's f.mp4": 1}
    for path in () if missing else paths:
        put(root / path)
    for separator in (" ", ",", ";", "\t"):
        rows = [
            f"{quoted(path, quote) if ' ' in path else path}{separator}{label}\n"
            for path, label in paths.items()
        ]
        assert read(root, "".join(rows)) == paths


@pytest.mark.parametrize("quote", ["'", '"'])
def test_bare_paths_may_be_in_quotes(tmp_path, quote):
    root = tmp_path / "root"
    paths = {"run/a b.mp4": 0, "run/c,d.mp4": 0, "walk/it's.mp4": 1, "walk/e.mp4": 1}
    for path in paths:
        put(root / path)
    rows = put(tmp_path / "list.txt", "".join(f"{quoted(path, quote)}\n" for path in paths))
    videos = folder.videos(root, "test", rows=rows)
    assert {video.id: video.label for video in videos} == paths


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
@pytest.mark.parametrize(("most", "other"), [("'", '"'), ('"', "'")])
def test_quotes_of_two_kinds_in_one_list_are_refused(tmp_path, separator, most, other):
    root = tmp_path / "root"
    paths = ["run/a b.mp4", "run/c d.mp4", "run/e f.mp4"]
    for path in paths:
        put(root / path)
    rows = [f"{quoted(path, most)}{separator}0\n" for path in paths[:-1]]
    text = "".join([*rows, f"{quoted(paths[-1], other)}{separator}0\n"])
    with pytest.raises(ValueError, match=r"line 3: .*in other quotes than most rows"):
        read(root, text)


@pytest.mark.parametrize("row", [r"'run/it\'s.mp4'", "'run/it'\"'\"'s.mp4'", "'run/it's.mp4'"])
@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_a_quote_inside_quotes_that_is_not_doubled_is_refused(tmp_path, row, separator):
    root = put(tmp_path / "root" / "run" / "it's.mp4").parents[1]
    put(root / "run" / "a b.mp4")
    put(root / "run" / "c d.mp4")
    text = f"'run/a b.mp4'{separator}0\n'run/c d.mp4'{separator}0\n{row}{separator}0\n"
    with pytest.raises(ValueError, match="line 3: "):
        read(root, text)


SEPARATORS = (",", ";", "\t", " ")


@pytest.mark.parametrize(
    ("name", "separator"),
    [
        *product(("'tis.mp4", "'a' or 'b'.mp4", "rock 'n' roll.mp4", 'a "b".mp4'), SEPARATORS),
        ('"x" y.mp4', " "),  # CSV asks for quotes around such a name
    ],
)
def test_quotes_may_be_part_of_a_name_without_quotes(tmp_path, name, separator):
    root = put(tmp_path / "root" / name).parent
    put(root / "b.mp4")
    assert read(root, f"{name}{separator}0\nb.mp4{separator}1\n") == {name: 0, "b.mp4": 1}


@pytest.mark.parametrize("on_disk", FORMS)
@pytest.mark.parametrize("in_list", FORMS)
@pytest.mark.parametrize("written", ["path", "stem", "other suffix", "absolute", "name of class"])
def test_accents_are_found_in_either_form(tmp_path, on_disk, in_list, written):
    root = fill(tmp_path / unicodedata.normalize(on_disk, "à été"), on_disk)
    rows = []
    for path, label in PATHS.items():
        text = f"{root}/{path}" if written == "absolute" else path
        if written in ("stem", "other suffix"):
            text = text.removesuffix(".mp4") + (".avi" if written == "other suffix" else "")
        class_name = CLASSES[label] if written == "name of class" else label
        rows.append(f"{quoted(text, chr(34))},{quoted(str(class_name), chr(34))}\n")
    text = unicodedata.normalize(in_list, "".join(rows))
    classes = tuple(unicodedata.normalize(on_disk, name) for name in CLASSES)
    found = read(root, text, classes=classes)
    assert found == {unicodedata.normalize(on_disk, path): PATHS[path] for path in PATHS}


@pytest.mark.parametrize("on_disk", FORMS)
def test_one_file_in_two_forms_is_one_video(tmp_path, on_disk):
    root = put(tmp_path / "root" / unicodedata.normalize(on_disk, "été/é.mp4")).parents[1]
    lists = {form: unicodedata.normalize(form, "été/é.mp4 0\n") for form in FORMS}
    put(tmp_path / "both.txt", "".join(lists.values()))
    files = {form: put(tmp_path / f"{form}.txt", text) for form, text in lists.items()}
    listed = from_files({"test": tmp_path / "both.txt"}, FolderTree(root))
    assert (len(listed.splits["test"]), listed.repeated) == (1, 1)
    with pytest.raises(ValueError, match="is in split 'train' already: a leak"):
        from_files({"train": files["NFC"], "test": files["NFD"]}, FolderTree(root))


def test_files_that_differ_in_their_form_alone_are_told_apart_or_refused(tmp_path):
    root = tmp_path / "root"
    paths = {unicodedata.normalize(form, "été.mp4"): label for label, form in enumerate(FORMS)}
    for path in paths:
        put(root / path)
    assert read(root, "".join(f"{path} {label}\n" for path, label in paths.items())) == paths
    mixed = unicodedata.normalize("NFC", "é") + unicodedata.normalize("NFD", "té.mp4")
    with pytest.raises(ValueError, match=r"line 1: .* could be .* or .*in the composition"):
        read(root, f"{mixed} 0\n")


def test_an_id_is_found_in_either_form(tmp_path):
    root = put(tmp_path / "root" / "train" / "run" / "été_1.mp4").parents[2]
    put(root / "val" / "run" / "2.mp4")
    rows = put(tmp_path / "list.txt", unicodedata.normalize("NFD", "été_1\n"))
    (video,) = folder.videos(root, "train", rows=rows)
    assert (video.id, video.label) == ("train/run/été_1.mp4", 0)


@pytest.mark.parametrize("on_disk", FORMS)
def test_a_folder_of_frames_with_too_many_numbers_is_refused_in_either_form(tmp_path, on_disk):
    root = put(tmp_path / "root" / unicodedata.normalize(on_disk, "été") / "img_1.jpg").parents[1]
    for form in FORMS:
        with pytest.raises(ValueError, match="is followed by 3 numbers"):
            read(root, unicodedata.normalize(form, "été 10 300 1\n"), classes=2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_reading_a_list_looks_into_no_folder_that_does_not_hold_its_row(
    tmp_path, monkeypatch, form, quote
):
    rows = [f"clé {number % 30}/l'été {number}.mp4" for number in range(300)]
    for row in rows:
        put(tmp_path / "root" / row)
    looks = []
    find = FolderTree.find
    monkeypatch.setattr(FolderTree, "find", lambda tree, path: looks.append(0) or find(tree, path))
    text = "".join(f"{quoted(row, quote)},1\n" for row in rows)
    found = read(tmp_path / "root", unicodedata.normalize(form, text), name="list.csv")
    assert found == dict.fromkeys(rows, 1)
    assert len(looks) < 5 * len(rows)


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_quotes_around_labels_alone_are_no_part_of_them(tmp_path, quote, separator, suffix):
    names = ("swim", "jump rope")
    rows = [f"{name}/{number}.mp4" for name in names for number in range(3)]
    for row in rows:
        put(tmp_path / row)
    text = "".join(f"{row}{separator}{quoted(row.split('/')[0], quote)}\n" for row in rows)
    put(tmp_path / f"videos{suffix}", text)
    assert folder.class_names(tmp_path) == ("jump rope", "swim")


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("columns", ["number path label", "label path", "label num_frames path"])
def test_named_columns_in_any_order_are_read_in_quotes_of_either_kind(
    tmp_path, quote, separator, columns
):
    rows = [f"{name}/{number}.mp4" for name in ("swim", "run") for number in range(3)]
    for row in rows:
        put(tmp_path / row)
    lines = [columns.replace("number", "").split(" ")]
    for number, row in enumerate(rows):
        values = {"number": str(number), "num_frames": "9", "path": row, "label": row.split("/")[0]}
        lines.append([quoted(values[column], quote) for column in columns.split()])
    put(tmp_path / "videos.csv", "".join(f"{separator.join(line)}\n" for line in lines))
    assert folder.class_names(tmp_path) == ("run", "swim")
    listed = [*folder.videos(tmp_path, "train"), *folder.videos(tmp_path, "test")]
    assert sorted(video.path for video in listed) == sorted(tmp_path / row for row in rows)
