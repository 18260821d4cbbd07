"""Rows of somebody else's list: right, or refused with their line number."""

import http.server
import io
import random
import threading
import tracemalloc

import pytest

from harness.data.datasets import folder
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists.files import from_files
from harness.data.datasets.lists.text_rows import RowErrors, read_stream, split_csv
from tests.helpers import dataset_folders


def read(tmp_path, content, **options):
    file = tmp_path / "test.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return from_files({"test": file}, FolderTree(tmp_path), **options)


@pytest.mark.parametrize(
    ("row", "name", "label"),
    [
        ("a.mp4 3", "a.mp4", 3),
        ("a/b.mp4\t3", "a/b.mp4", 3),
        ("a b (1).mp4 3", "a b (1).mp4", 3),
        ("a b.mp4\t3", "a b.mp4", 3),
        ("a.mp4   3", "a.mp4", 3),
        ("a.mp4 3  ", "a.mp4", 3),
        ("é/名前.mp4 3", "é/名前.mp4", 3),
        ("%20#1.mp4 3", "%20#1.mp4", 3),
        ("#1.mp4 3", "#1.mp4", 3),
        ('it\'s "b".mp4 3', 'it\'s "b".mp4', 3),
        ("a.mp4 3\r\n", "a.mp4", 3),
        ("\ufeffa.mp4 3\n", "a.mp4", 3),
        ("./a//b.mp4 3", "a/b.mp4", 3),
        ("a.MP4 0", "a.MP4", 0),
        ("a.mp4 007", "a.mp4", 7),
        ("a.mp4 3.0", "a.mp4", 3),
        ('"a b.mp4" 3', "a b.mp4", 3),
        ('"a ""b"".mp4" 3', 'a "b".mp4', 3),
        ("12.mp4 3", "12.mp4", 3),
        ("\n\na.mp4 3\n\n", "a.mp4", 3),
    ],
)
def test_a_row_is_read_as_it_stands(tmp_path, row, name, label):
    (listed,) = read(tmp_path, row).splits["test"]
    assert (listed.id, listed.path, listed.label) == (name, tmp_path / name, label)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a.mp4", "is not a path, a space or tab, and a label"),
        ("3", "is not a path, a space or tab, and a label"),
        ("a.mp4 300 3", "'a.mp4' is followed by 2 columns; expected a label"),
        ("a.mp4\t300\t3", "has 3 columns; expected a path, a space or tab, and a label"),
        ("a\tb.mp4 3", "has no video suffix"),
        ("a\tb.mp4\t3", "has 3 columns"),
        ("a/b -1 3", "'a/b -1' has no video suffix"),
        ("a/b 300 3", "has other columns than the rows before it"),
        ("a.mp4 1\0", "label '1\\x00' is not an integer"),
        ("tcp://127.0.0.1/a.mp4 3", "is an address, not a file"),
        ("a/../b.mp4 3", "is not a plain path below the root"),
        ("a.mp4,3", "is not a path"),
        ("# a comment", "has no video suffix"),
        ("a/b 3", "has no video suffix"),
        (" a.mp4 3", "starts or ends with a space"),
        ("a.mp4 dog", "label 'dog' is not an integer"),
        ("a.mp4 -1", "label '-1' is not an integer"),
        ("a.mp4 1.5", "label '1.5' is not an integer"),
        ("a.mp4 1e3", "label '1e3' is not an integer"),
        ("a.mp4 ٣", "label '٣' is not an integer"),
        ("a.mp4 200", "label 200, allowed 0 to 199 (200 classes)"),
        ("a.mp4 99999999999999999999", "is not an integer"),
        ("../a.mp4 3", "is not a plain path below the root"),
        ("a/../../b.mp4 3", "is not a plain path below the root"),
        ("/etc/a.mp4 3", "'/etc/a.mp4' is not below"),
        ("a\rb.mp4 3", "carriage returns inside"),
        ("a\\b.mp4 3", "is not a plain path below the root"),
        ("http://localhost/a.mp4 3", "is an address, not a file"),
        ("concat:a.mp4|b.mp4 3", "is an address, not a file"),
        ("subfile,,start,0,end,9,,:a.mp4 3", "is an address, not a file"),
        ("a\0.mp4 3", "unprintable characters"),
        ("a\x1b[2J.mp4 3", "unprintable characters"),
        (b"a\xff.mp4 3", r"not UTF-8 at byte 1: b'a\xff.mp4 3\n'"),
        ("a" * 9000 + ".mp4 3", "longer than 8192 bytes"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path, row, words):
    row = row if isinstance(row, bytes) else row.encode()
    with pytest.raises(ValueError, match=r"^1 invalid rows:\ntest.txt, line 2: ") as caught:
        read(tmp_path, b"good.mp4 1\n" + row + b"\nbetter.mp4 2\n", classes=200)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("row", "name", "label"),
    [
        ("a/b 300 3", "a/b", 3),
        ("a b/c d\t300\t3\r\n", "a b/c d", 3),
        ("a b/c  300  3", "a b/c", 3),
        ("a 300 7 3", "a 300", 3),
        ("é/名前 0 3\n", "é/名前", 3),
    ],
)
def test_a_row_of_three_columns_is_a_folder_of_frames(tmp_path, row, name, label):
    (listed,) = read(tmp_path, row).splits["test"]
    assert (listed.id, listed.path, listed.label) == (name, tmp_path / name, label)


ODD = "aé名 %20#'\"(1)[]&=+,;~\u0301\N{WINKING FACE}"


@pytest.mark.slow
def test_any_name_that_prints_comes_back_as_it_was_written(tmp_path):
    rng = random.Random(0)
    drawn = ["".join(rng.choices(ODD, k=rng.randint(1, 12))).strip() for _ in range(2000)]
    names = list(dict.fromkeys(f"a{name}.mp4" for name in drawn))
    separators, ends = (" ", "   ", "\t"), ("\n", "\r\n")
    rows = [f"{n}{rng.choice(separators)}{i}{rng.choice(ends)}" for i, n in enumerate(names)]
    listed = read(tmp_path, "".join(rows).rstrip()).splits["test"]
    assert [(each.id, each.label) for each in listed] == [(n, i) for i, n in enumerate(names)]


def test_paths_begin_at_the_folder_that_holds_most_of_them(tmp_path):
    for name in ("root/one/a/1.mp4", "root/two/a/1.mp4", "root/two/a/2.mp4"):
        dataset_folders.put(tmp_path / name)
    (tmp_path / "list").write_text("a/1.mp4 0\na/2.mp4 0\na/3.mp4 0\n")
    root = tmp_path / "root"
    folders = {"test": [root / "one", root / "two"]}
    listed = from_files({"test": tmp_path / "list"}, FolderTree(root), folders=folders).splits[
        "test"
    ]
    assert [each.path for each in listed] == [root / f"two/a/{n}.mp4" for n in (1, 2, 3)]
    assert [each.id for each in listed] == ["a/1.mp4", "a/2.mp4", "a/3.mp4"]


def test_a_byte_order_mark_counts_at_the_start_alone(tmp_path):
    with pytest.raises(ValueError, match="line 2"):
        read(tmp_path, "a.mp4 1\n\ufeffb.mp4 2\n")


def test_a_link_out_of_the_root_is_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (tmp_path / "list").write_text("out/a.mp4 1\n")
    with pytest.raises(ValueError, match="leads out of the root by a link"):
        from_files({"test": tmp_path / "list"}, FolderTree(root))


@pytest.mark.parametrize(
    "name", ["out.mp4", "in/out.mp4", ".out.mp4", "folder/a.mp4", "loop/a.mp4"]
)
def test_no_kind_of_link_leads_out(tmp_path, name):
    root = tmp_path / "root"
    dataset_folders.put(root / "in" / "a.mp4")
    dataset_folders.put(tmp_path / "secret.mp4")
    for link in ("out.mp4", "in/out.mp4", ".out.mp4"):
        (root / link).symlink_to(tmp_path / "secret.mp4")
    (root / "folder").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "inner.mp4").symlink_to("in/a.mp4")
    (tmp_path / "list").write_text(f"inner.mp4 1\n{name} 1\n")
    with pytest.raises(ValueError, match=r"line 2: .* (by a link|cannot be followed)"):
        from_files({"test": tmp_path / "list"}, FolderTree(root))


@pytest.mark.slow
def test_an_address_in_a_list_is_not_called(tmp_path):
    called = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            called.append(self.path)

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        rows = [f"http://127.0.0.1:{port}/{n}.mp4 1\n" for n in range(3)]
        with pytest.raises(ValueError, match=r"^3 invalid rows"):
            read(tmp_path, "".join(rows))
        server.shutdown()
    assert called == []


def test_all_errors_of_a_list_come_at_once_up_to_twenty(tmp_path):
    rows = "".join(f"{number}.mp4 {number % 2 or 'x'}\n" for number in range(60))
    with pytest.raises(ValueError, match=r"^30 invalid rows") as caught:
        read(tmp_path, rows)
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[1].startswith("test.txt, line 1: ")
    assert lines[2].startswith("test.txt, line 3: ")
    assert lines[-1] == "and 10 more"


def test_a_row_said_twice_is_dropped_and_counted(tmp_path):
    rows = read(tmp_path, "a.mp4 1\nb.mp4 1\na.mp4 1\n./a.mp4 1\n")
    assert [each.id for each in rows.splits["test"]] == ["a.mp4", "b.mp4"]
    assert rows.repeated == 2


def test_two_labels_of_one_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"line 3: 'a.mp4' has label 2, but had label 1 before"):
        read(tmp_path, "a.mp4 1\nb.mp4 1\na.mp4 2\n")


def test_a_file_in_two_splits_is_refused(tmp_path):
    for name in ("train", "val"):
        (tmp_path / name).write_text(f"{name}.mp4 1\nboth.mp4 1\n")
    files = {name: tmp_path / name for name in ("train", "val")}
    with pytest.raises(ValueError, match=r"val, line 2: 'both.mp4' is in split 'train' already"):
        from_files(files, FolderTree(tmp_path))


def test_an_empty_list_is_refused(tmp_path):
    with pytest.raises(ValueError, match="contains no rows"):
        read(tmp_path, "\n\n")


def test_a_list_without_end_is_left_at_a_limit(tmp_path):
    with pytest.raises(ValueError, match="line 1001: file has more than 1000 rows"):
        read(tmp_path, b"".join(b"%d.mp4 1\n" % n for n in range(100_000)), max_rows=1000)


@pytest.mark.slow
def test_a_line_of_a_gigabyte_takes_no_memory(tmp_path):
    file = tmp_path / "list"
    with file.open("wb") as long:
        long.truncate(10**9)
        long.seek(0, 2)
        long.write(b"\nb.mp4 x\n")
    tracemalloc.start()
    with pytest.raises(ValueError, match="2 invalid rows") as caught:
        from_files({"test": file}, FolderTree(tmp_path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "line 2: label 'x'" in str(caught.value)
    assert peak < 5_000_000


class Endless(io.RawIOBase):
    """Rows that are made when they are read."""

    def __init__(self, rows):
        self.left = rows

    def readable(self):
        return True

    def readinto(self, buffer):
        row = b"%07d.mp4 x\n" % self.left
        number = min(len(buffer) // len(row), self.left)
        self.left -= number
        buffer[: number * len(row)] = row * number
        return number * len(row)


@pytest.mark.slow
@pytest.mark.parametrize("max_rows", [5_000, 100_000])
def test_ten_million_rows_take_no_memory(max_rows):
    wrong, taken = RowErrors(), 0

    def refuse(text):
        nonlocal taken
        taken += 1
        raise ValueError("x" * 1000)

    stream = io.BufferedReader(Endless(10_000_000))
    tracemalloc.start()
    read_stream(stream, "list", refuse, wrong, max_rows=max_rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (taken, wrong.count, len(wrong.messages)) == (max_rows, max_rows + 1, 20)
    assert peak < 1_000_000


@pytest.mark.parametrize("row", ['a,"b', 'a,"b"c', "a,b\rc,d"])
def test_a_row_that_is_not_csv_is_refused(row):
    with pytest.raises(ValueError, match="is not a row of a CSV file"):
        split_csv(row)


def test_a_list_that_is_not_there_is_a_users_mistake(tmp_path):
    with pytest.raises(ValueError, match=r"none.txt cannot be read: No such file"):
        from_files({"test": tmp_path / "none.txt"}, FolderTree(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        "{0},x,y,z\na/1.mp4,1\n",
        "a/1.mp4,{0}\n",
        "path,{0}\na/1.mp4,0\n",
        "path,label,{0}\na/1.mp4,0,1\n",
        "path,{0}path,label\na/1.mp4,a,0\n",
        "a/1.mp4,0\n{0}\n",
        '"{0}\n',
    ],
)
def test_a_very_long_row_is_quoted_by_its_ends(tmp_path, content):
    file = tmp_path / "list.csv"
    file.write_text(content.format("[" * 5000))
    with pytest.raises(ValueError, match=r"line [12]: .*\[\[ \.\.\. ") as error:
        folder.videos(tmp_path, "train", rows=file)
    assert max(map(len, str(error.value).splitlines())) < 700
