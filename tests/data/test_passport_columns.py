"""The columnar form of a passport: equal to its JSON, much smaller, and as strict."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from harness.data import passport, sampling
from harness.data.passport import Passport, column_file, complete_passport
from harness.data.passport.columns import VideoTable
from harness.data.video import Timing, Video
from tests.data.test_passport import made, values

VIDEOS = 2_000
VARYING = Timing(unit="1/1000", stamps=(5, 40, 80))


@pytest.fixture(autouse=True)
def small_passports_have_columns(monkeypatch):
    monkeypatch.setattr(column_file, "MIN_VIDEOS", 1)


def video(root, number, **changed):
    fields = {
        "id": f"class/{number:08d}",
        "path": root / "videos" / f"class_{number % 40}" / f"{number:08d}.mp4",
        "labels": (number % 400,),
        "frames": 300,
        "sha256": f"{number + 1:064x}",
        "stamp": (1_000_000 + number, 1_700_000_000_000_000_000 + number),
        "timing": Timing(unit="1/15360", step="512"),
    }
    return Video(**fields | changed)


def written(root, *videos, **changed):
    known = complete_passport({"train": [*videos], "test": []})
    known = Passport(**{**vars(known), "classes": tuple(map(str, range(400))), **changed})
    passport.write(root / passport.FILE, known)
    return known


def read(root):
    return passport.read(root / passport.FILE)


def read_json(root):
    column_file.column_path(root / passport.FILE).unlink()
    return read(root)


def mixed(root):
    """Return videos of every kind that columns distinguish."""
    return [
        video(root, 0),
        video(root, 1, labels=(3, 9, 12)),
        video(root, 2, timing=VARYING, frames=3),
        video(root, 3, timing=None, stamp=None, sha256="", turned=True),
        video(root, 4, timing=Timing(unit="1/30", stamps=(0, 1, 300)), frames=3),
        video(root, 5, path=root / "é\udce9.mp4", id="ö/日本"),
        video(root, 6, path=root / "a\nb.mp4", frames=0, timing=None),
    ]


def test_columns_hold_what_the_json_holds(tmp_path):
    known = written(tmp_path, *mixed(tmp_path), also=(tmp_path,), unused={})
    found = read(tmp_path)
    assert isinstance(found.splits["train"], VideoTable)
    from_json = read_json(tmp_path)
    assert type(from_json.splits["train"]) is list
    assert found == from_json
    assert found.splits["train"][-2:] == from_json.splits["train"][-2:]
    assert [one.within for one in found.splits["train"]] == [
        one.within for one in from_json.splits["train"]
    ]
    assert found.digest == from_json.digest == known.digest


@pytest.mark.slow
@given(st.lists(values, min_size=1, max_size=4))
def test_whatever_is_written_is_read_back_with_the_same_hash(tmp_path_factory, drawn):
    root = tmp_path_factory.mktemp("data")
    known = complete_passport({"train": [made(root, dict(one)) for one in drawn]})
    passport.write(root / passport.FILE, known)
    found = read(root)
    assert found.splits == known.splits
    assert found.digest == known.digest


def test_the_hash_of_a_passport_is_the_one_that_it_always_was(tmp_path):
    known = written(tmp_path, *mixed(tmp_path))
    assert known.digest == read(tmp_path).digest
    assert known.digest == "ae814e32e90e192e240c555734773c6e20a8ca33fd014a46d631a480c2a62528"


def test_a_small_passport_is_json_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(column_file, "MIN_VIDEOS", 8)
    written(tmp_path, *mixed(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [passport.FILE]


@pytest.mark.parametrize(
    "changed",
    [
        {"sha256": "0" * 64},
        {"sha256": "short"},
        {"stamp": (-1, 0)},
        {"path": Path()},
        {"timing": Timing(unit="1/1000", stamps=(0, 2**40, 2**40 + 1)), "frames": 3},
    ],
    ids=repr,
)
def test_what_columns_cannot_hold_is_read_from_the_json(tmp_path, changed):
    path = tmp_path / passport.FILE
    changed = changed | ({"path": tmp_path} if "path" in changed else {})
    passport.write(path, complete_passport({"train": [video(tmp_path, 0, **changed)]}))
    assert not column_file.column_path(path).exists()


def test_columns_of_another_json_are_not_read(tmp_path):
    written(tmp_path, *mixed(tmp_path))
    path = tmp_path / passport.FILE
    body = json.loads(path.read_text())
    body["splits"]["train"][0]["frames"] = 299
    path.write_text(json.dumps(body))
    assert read(tmp_path).splits["train"][0].frames == 299


def altered(root, head=None, is_signed=True, **arrays):
    """Replace columns or the metadata `head`, and keep the rest as it is but for the hash."""
    path = column_file.column_path(root / passport.FILE)
    with safe_open(path, "np") as file:
        columns = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        kept = file.metadata()
    for name, column in arrays.items():
        columns[f"train/{name}"] = column
    metadata = kept | ({"head": json.dumps(head)} if head else {})
    if is_signed:
        metadata["sha256"] = column_file.checksum(metadata["head"], columns)
    save_file(columns, path, metadata)


def text(*parts):
    return np.frombuffer(b"".join(part + b"\0" for part in parts), np.uint8)


HOSTILE = {
    "a name that leads up": {"names": text(b"..", b"b")},
    "a name of a folder": {"names": text(b"../../../etc/hostname", b"b")},
    "an empty name": {"names": text(b"", b"b")},
    "a missing name": {"names": text(b"a")},
    "a name without an end": {"names": np.frombuffer(b"a\0b", np.uint8)},
    "an unprintable id": {"ids": text(b"\x1b[2J", b"b")},
    "an id that is not UTF-8": {"ids": text(b"\xff", b"b")},
    "an empty id": {"ids": text(b"", b"b")},
    "a folder that is not listed": {"folders": np.array([0, 7], np.int32)},
    "a negative folder": {"folders": np.array([0, -1], np.int32)},
    "a negative length": {"frames": np.array([300, -1], np.int32)},
    "an absurd length": {"frames": np.array([300, 250_001], np.int32)},
    "a length in another type": {"frames": np.array([300.0, 300.0])},
    "a label without a class": {"labels": np.array([0, 400], np.int32)},
    "a negative label": {"labels": np.array([0, -1], np.int32)},
    "a video without a label": {"label_counts": np.array([2, 0], np.int32)},
    "labels of no video": {"labels": np.array([0, 1, 2], np.int32)},
    "times of no video": {"moments": np.array([1, 2, 3], np.int32)},
    "an unknown kind of times": {"timing_kinds": np.array([0, 5], np.int32)},
    "fewer hashes": {"sha256": np.zeros((1, 32), np.uint8)},
    "times of days": {"frames": np.array([300, 249_999], np.int32)},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_columns_that_no_passport_could_hold_are_passed_over(tmp_path, change, caplog):
    written(tmp_path, *(video(tmp_path, n) for n in range(2)))
    altered(tmp_path, **change)
    found = read(tmp_path)
    assert type(found.splits["train"]) is list
    assert "passport.columns is damaged, so passport.json is read" in caplog.text


def test_listed_times_that_span_days_are_passed_over(tmp_path, caplog):
    slow = video(tmp_path, 0, timing=VARYING, frames=3)
    written(tmp_path, slow, video(tmp_path, 1, timing=VARYING, frames=3))
    altered(tmp_path, moments=np.array([0, 1, 1, 0, 1, 2**31 - 1], np.int32))
    assert type(read(tmp_path).splits["train"]) is list
    assert "time stamps span more than" in caplog.text


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 9, b"{}"], ids=repr)
def test_columns_that_are_none_are_passed_over(tmp_path, content, caplog):
    written(tmp_path, video(tmp_path, 0))
    column_file.column_path(tmp_path / passport.FILE).write_bytes(content)
    assert type(read(tmp_path).splits["train"]) is list
    assert "is damaged" in caplog.text


def heads(root):
    """Return the metadata of columns, and a function that replaces them."""
    path = column_file.column_path(root / passport.FILE)
    with safe_open(path, "np") as file:
        head = json.loads(file.metadata()["head"])
    return head, lambda new, **named: altered(root, new, **named)


@pytest.mark.parametrize(
    "change",
    [
        {"folders": ["/etc"]},
        {"folders": ["../../.."]},
        {"kinds": [["0", "512"]]},
        {"kinds": [["1/15360", "x"]]},
        {"kinds": 7},
        {"splits": ["train", "other"]},
        {"splits": ["../x"]},
        {"body": {}},
    ],
    ids=repr,
)
def test_metadata_that_no_passport_could_have_is_passed_over(tmp_path, change, caplog):
    written(tmp_path, video(tmp_path, 0))
    head, replace = heads(tmp_path)
    replace(head | change)
    assert type(read(tmp_path).splits["train"]) is list
    assert "is damaged" in caplog.text


LIKELY = {
    "another label": {"labels": np.array([0, 3], np.int32)},
    "another hash": {"sha256": np.ones((2, 32), np.uint8)},
    "another length": {"frames": np.array([300, 200], np.int32)},
    "another stamp": {"stamps": np.ones((2, 2), np.int64)},
    "another name": {"names": text(b"a", b"b")},
}


@pytest.mark.parametrize("change", LIKELY.values(), ids=LIKELY)
def test_damage_that_leaves_columns_of_a_passport_is_noticed(tmp_path, change, caplog):
    known = written(tmp_path, *(video(tmp_path, n) for n in range(2)))
    altered(tmp_path, is_signed=False, **change)
    assert read(tmp_path).splits == known.splits
    assert "its content differs from its hash" in caplog.text


def test_damaged_metadata_is_noticed(tmp_path, caplog):
    known = written(tmp_path, video(tmp_path, 0))
    head, replace = heads(tmp_path)
    replace(head | {"folders": ["elsewhere"]}, is_signed=False)
    assert read(tmp_path).splits == known.splits
    assert "its content differs from its hash" in caplog.text


def memory_of(root):
    """Return the bytes that reading a passport keeps and reaches."""
    tracemalloc.start()
    try:
        found = read(root)
        return (*tracemalloc.get_traced_memory(), found)
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_columns_take_a_fifth_of_the_memory_of_rows(tmp_path):
    written(tmp_path, *(video(tmp_path, number) for number in range(VIDEOS)))
    read(tmp_path)  # imports and schemas
    kept, peak, found = memory_of(tmp_path)
    column_file.column_path(tmp_path / passport.FILE).unlink()
    kept_by_rows, peak_of_rows, rows = memory_of(tmp_path)
    assert found == rows
    assert kept < kept_by_rows / 5
    assert peak < peak_of_rows / 5
    assert kept < 200 * VIDEOS


def test_a_frame_rate_is_refused_for_the_same_video_in_columns_and_in_rows(tmp_path):
    for bad in (
        {"timing": None},
        {"timing": Timing(unit="1/1000", stamps=(0, 40, 40)), "frames": 3},
        {"timing": Timing(unit="1/1000", step="-1")},
    ):
        good = [video(tmp_path, 0), *(video(tmp_path, n, timing=VARYING, frames=3) for n in (1, 2))]
        written(tmp_path, *good)
        sampling.check_rate(read(tmp_path).splits["train"], 30)
        written(tmp_path, *good, video(tmp_path, 3, **bad), good[0])
        for found in (read(tmp_path), read_json(tmp_path)):
            with pytest.raises(ValueError, match="class/00000003: frames lack increasing"):
                sampling.check_rate(found.splits["train"], 30)
