"""Passports of somebody else: nothing outside their folders is opened, no number is absurd."""

import json
import os
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import gate, passport
from harness.data.prepare.copies.copy import copy_data_set
from harness.data.reading import frame_cache
from harness.data.video import DamagedVideoError, RefusedVideoError, Timing, Video
from harness.utils.json_file import schema
from tests.helpers import bad_videos, jpeg_folders

FRAMES = 8
OUTSIDE = "outside the folder of the data set"


@pytest.fixture(scope="module")
def video_bytes(tmp_path_factory):
    return bad_videos.good_bytes(tmp_path_factory.mktemp("good"), n=FRAMES)


@pytest.fixture
def home(tmp_path, video_bytes):
    """A folder with a private video, and a data set beside it."""
    (tmp_path / "private.mp4").write_bytes(video_bytes)
    (tmp_path / "data" / "theirs").mkdir(parents=True)
    return tmp_path


def body(*rows, **changed):
    splits = {"splits": {"train": list(rows)}}
    return {"listed": {"train": 1}, "classes": [], "root": ".", "changed": ""} | splits | changed


def row(path="a.mp4", **changed):
    return {"id": "a", "path": path, "labels": [0], "sha256": "0" * 64, "frames": FRAMES} | changed


def plant(home, content):
    path = home / "data" / "theirs" / passport.FILE
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def one_video(home, video_row, **changed):
    return passport.read(plant(home, body(video_row, **changed))).splits["train"][0]


@pytest.mark.parametrize(
    "path",
    [
        "../../private.mp4",
        "/etc/hostname",
        "/dev/zero",
        "x/../../../private.mp4",
        "..",
        "../theirs2/a.mp4",
        "./../../private.mp4",
    ],
)
def test_a_passport_that_names_a_path_outside_its_folders_is_refused(home, path):
    with pytest.raises(ValueError, match=r"passport\.json is not a passport: video 'a' lies at .*"):
        one_video(home, row(path))


def test_a_root_elsewhere_is_believed_where_the_passport_records_it(home):
    video = one_video(home, row("../../private.mp4"), root="../..")
    assert video.path == home / "private.mp4"


def link_to_a_file(home, theirs):
    (theirs / "a.mp4").symlink_to(home / "private.mp4")


def link_to_a_link(home, theirs):
    (theirs / "b.mp4").symlink_to(home / "private.mp4")
    (theirs / "a.mp4").symlink_to(theirs / "b.mp4")


def link_to_a_folder_of_pictures(home, theirs):
    jpeg_folders.write(home / "private")
    (theirs / "a.mp4").symlink_to(home / "private")


def link_of_a_picture(home, theirs):
    folder = jpeg_folders.write(theirs / "a.mp4")
    first = folder / "00001.jpg"
    first.rename(home / "private.jpg")
    first.symlink_to(home / "private.jpg")


def pipe(home, theirs):
    os.mkfifo(theirs / "a.mp4")


def link_to_a_device(home, theirs):
    (theirs / "a.mp4").symlink_to("/dev/zero")


def pipe_in_place_of_a_picture(home, theirs):
    folder = jpeg_folders.write(theirs / "a.mp4")
    (folder / "00001.jpg").unlink()
    os.mkfifo(folder / "00001.jpg")


HIDDEN_PLACES = [
    link_to_a_file,
    link_to_a_link,
    link_to_a_folder_of_pictures,
    link_of_a_picture,
    link_to_a_device,
]


@pytest.mark.parametrize("make", [*HIDDEN_PLACES, pipe], ids=lambda make: make.__name__)
def test_a_link_out_a_pipe_or_a_device_is_neither_verified_nor_read(home, make):
    make(home, home / "data" / "theirs")
    known = one_video(home, row())
    reason = f"a.mp4.*({OUTSIDE}|not a regular file)"
    with pytest.raises(RefusedVideoError, match=reason):
        passport.verify([known])
    with pytest.raises(RefusedVideoError, match=reason):
        frame_cache.read(known, [0])


@pytest.mark.parametrize("make", [pipe, pipe_in_place_of_a_picture, link_to_a_device])
def test_what_has_no_end_is_not_waited_for_without_a_passport_either(tmp_path, make):
    make(tmp_path, tmp_path)
    listed = Video(id="a", path=tmp_path / "a.mp4", labels=(0,))
    with pytest.raises(RefusedVideoError, match="not a regular file"):
        frame_cache.read(listed, [0])
    if (tmp_path / "a.mp4").is_dir():
        passport.content_sha256(tmp_path / "a.mp4")
    else:
        with pytest.raises(RefusedVideoError, match="not a regular file"):
            passport.content_sha256(tmp_path / "a.mp4")


@pytest.mark.parametrize("make", [link_to_a_file, link_to_a_link, link_of_a_picture])
def test_a_link_is_followed_where_the_passport_records_its_folder(home, make):
    theirs = home / "data" / "theirs"
    make(home, theirs)
    known = one_video(home, row(sha256=passport.content_sha256(theirs / "a.mp4")), also=["../.."])
    passport.verify([known])
    assert len(frame_cache.read(known, range(FRAMES))) == FRAMES


def test_a_copy_is_not_made_of_a_file_elsewhere(home, video_bytes):
    link_to_a_file(home, home / "data" / "theirs")
    plant(home, body(row(sha256=passport.file_sha256(home / "private.mp4"))))
    (copied,) = copy_data_set(home / "data" / "theirs", home / "copies")
    assert OUTSIDE in copied.damage
    assert not list((home / "copies").rglob("*.mp4*"))


BIG = 10**30
ABSURD_ROWS = [
    {"frames": BIG},
    {"frames": -1},
    {"frames": 0},
    {"frames": 250_001},
    {"frames": "8"},
    {"frames": 8.0},
    {"frames": None},
    {"frames": True},
    {"labels": [-1]},
    {"labels": []},
    {"labels": [BIG]},
    {"labels": [10**9]},
    {"labels": [0.0]},
    {"labels": "0"},
    {"id": "\x1b[2J\x1b]0;x\x07"},
    {"id": "a\tb"},
    {"id": "a\n"},
    {"id": ""},
    {"id": 7},
    {"sha256": "x" * 65},
    {"sha256": "x\ty"},
    {"stamp": [1]},
    {"stamp": [BIG, 0]},
    {"stamp": ["1", "2"]},
    {"turned": 1},
    {"path": "a\0.mp4"},
    {"path": "a\ud800.mp4"},
    {"path": "\udfff/a.mp4"},
    {"path": ""},
    {"path": 7},
    {"extra": 1},
    {"within": ["/"]},
    {"timing": {"unit": "0", "step": "1", "stamps": []}},
    {"timing": {"unit": "1/0", "step": "1", "stamps": []}},
    {"timing": {"unit": "-1/30", "step": "1", "stamps": []}},
    {"timing": {"unit": "nan", "step": "1", "stamps": []}},
    {"timing": {"unit": "1e9", "step": "1", "stamps": []}},
    {"timing": {"unit": "1/30", "step": "1" * 30, "stamps": []}},
    {"timing": {"unit": "1/30", "step": "", "stamps": [0, 1]}},
    {"timing": {"unit": "1/30", "step": "", "stamps": []}},
    {"timing": {"unit": "1/30", "step": "", "stamps": [0, 1, 2, 3, 4, 5, 6, 10**9]}},
    {"timing": {"unit": "1/30", "step": "", "stamps": [0, 1, 2, 3, 4, 5, 6, BIG]}},
]


@pytest.mark.parametrize("absurd", ABSURD_ROWS, ids=repr)
def test_a_passport_with_an_absurd_value_is_refused_in_a_sentence(home, absurd):
    assert one_video(home, row()).frames == FRAMES
    with pytest.raises(ValueError, match=r"passport\.json is not a passport: "):
        one_video(home, row(**absurd))


NOWHERE = {
    "a name too long": lambda folder: "x" * 3000,
    "a path too long": lambda folder: "/".join(["x" * 200] * 20),
    "below a file": lambda folder: "passport.json/a.mp4",
    "a link to itself": lambda folder: (folder / "loop").symlink_to("loop") or "loop",
    "below a link to itself": lambda folder: (folder / "ring").symlink_to("ring") or "ring/a.mp4",
    "gone": lambda folder: "gone.mp4",
}


@pytest.mark.parametrize("kind", NOWHERE)
def test_a_path_at_which_there_can_be_no_file_is_missing_in_a_short_sentence(home, kind):
    video = one_video(home, row(path=NOWHERE[kind](home / "data" / "theirs")))
    with pytest.raises(DamagedVideoError, match="listed in the passport, but missing") as error:
        passport.verify([video])
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(("name", "path"), [("x" * 4000, "../" * 9 + "y"), ("x", "/y" * 2000)])
@pytest.mark.parametrize("root", [".", "r" * 3000])
def test_a_refusal_is_short_however_long_the_names_are(home, name, path, root):
    with pytest.raises(ValueError, match="outside") as error:
        one_video(home, row(id=name, path=path), root=root, also=["/" + "a" * 3000, "/b"])
    assert len(str(error.value)) < 1500


@pytest.mark.parametrize("field", ["id", "path", "labels"])
def test_a_video_without_a_needed_field_is_refused(home, field):
    rest = {name: value for name, value in row().items() if name != field}
    with pytest.raises(ValueError, match=f"the field {field} is missing"):
        one_video(home, rest)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"",
        b"null",
        b"\xff\xfe",
        body(listed={"train": -1}),
        body(listed={"train": BIG}),
        body(classes=["x"], splits={"train": [row(labels=[1])]}),
        body(classes=["x\ud800"]),
        body(changed="\udfff"),
        body(root=7),
        body(root=None),
        body(also=["\0"]),
        body(splits=[]),
        json.dumps(body(row(frames=float("nan")))).encode(),
        json.dumps(body(row(frames=float("inf")))).encode(),
        json.dumps(body(row())).replace('"frames": 8', f'"frames": {"9" * 5_000}').encode(),
    ],
    ids=lambda content: repr(content)[:40],
)
def test_what_is_no_passport_is_said_in_a_sentence(home, content):
    with pytest.raises(ValueError, match=r"passport\.json is not a passport: ") as caught:
        passport.read(plant(home, content))
    assert len(str(caught.value)) < 1_000


def test_a_pipe_in_the_place_of_a_passport_is_not_waited_for(home):
    path = home / "data" / "theirs" / passport.FILE
    os.mkfifo(path)
    with pytest.raises(ValueError, match="not a regular file"):
        passport.read(path)


def test_the_limits_of_a_passport_are_those_of_the_gate():
    whole = json.loads((schema.FOLDER / "passport.json").read_bytes())
    frames = whole["$defs"]["video"]["properties"]["frames"]
    stamps = whole["$defs"]["video"]["properties"]["timing"]["properties"]["stamps"]
    assert frames["maximum"] == stamps["maxItems"] == gate.LIMITS.max_frames


# Units of FFmpeg are fractions of two integers of 32 bits.
units = st.fractions(Fraction(1, 10**6), Fraction(1, 10), max_denominator=2**31 - 1).map(str)
values = st.fixed_dictionaries(
    {
        "id": st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20),
        "path": st.text("ab/", min_size=1, max_size=9),
        "labels": st.lists(st.integers(0, 99_999), min_size=1, max_size=3).map(tuple),
        "sha256": st.sampled_from(["", "a" * 64]),
        "frames": st.integers(1, 1_000),
        "stamp": st.none() | st.tuples(st.integers(0, 2**40), st.integers(0, 2**62)),
        "unit": st.none() | units,
        "turned": st.booleans(),
    }
)


def made(root, drawn):
    path, unit = root / "x" / drawn.pop("path").strip("/"), drawn.pop("unit")
    timing = None if unit is None else Timing(unit=unit, step="1")
    return Video(**drawn, path=path, timing=timing)


@pytest.mark.slow
@given(st.lists(values, max_size=3))
def test_what_is_written_is_read_back(tmp_path_factory, drawn):
    root = tmp_path_factory.mktemp("data")
    written = passport.complete_passport({"train": [made(root, dict(one)) for one in drawn]})
    passport.write(root / passport.FILE, written)
    again = passport.read(root / passport.FILE)
    assert again.digest == written.digest
    assert again.splits == written.splits
