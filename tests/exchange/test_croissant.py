"""Croissant metadata: every required property, ids that exist, and the videos of the passport."""

import csv
import fnmatch
import hashlib
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from harness.data import passport
from harness.data.prepare.copies import pack
from harness.data.video import Video
from tests.helpers.command_line import harness

# https://docs.mlcommons.org/croissant/docs/croissant-spec.html, "Required"
REQUIRED = {
    *("@context", "@type", "conformsTo", "description", "license", "name", "url", "creator"),
    *("datePublished", "distribution"),
}
SAID = ("--license", "https://spdx.org/licenses/MIT", "--url", "https://a.example", "--creator")


@pytest.fixture
def data(tmp_path):
    """Return a folder with the passport of two splits, one video of which has two labels."""
    folder = tmp_path / "data" / "my_videos"
    splits = {
        "train": [_video(folder, "run, fast/1.mp4", 0), _video(folder, "walk/2.webm", 0, 1)],
        "test": [_video(folder, "walk/3.mp4", 1)],
    }
    (tmp_path / "data" / "my_videos").mkdir(parents=True)
    listed = {"train": 3, "test": 1}
    made = passport.Passport(splits=splits, listed=listed, classes=("run, fast", "walk"))
    passport.write(folder / passport.FILE, made)
    return tmp_path / "data"


def _video(folder, name, *labels):
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Video(id=name, path=folder / name, labels=labels, sha256=digest, frames=9)


def described(data, *words):
    ended = harness("data", "describe", "my_videos", "--data", data, *words, "--json")
    assert ended.returncode == 0, ended.stderr
    files = [data / "my_videos" / name for name in ("croissant.json", "croissant-videos.csv")]
    assert json.loads(ended.stdout) == {"files": list(map(str, files))}
    return json.loads(files[0].read_text()), ended.stderr


def nodes(value):
    """Yield every JSON object inside a value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from nodes(inner)


def test_every_required_property_is_there(data):
    body, errors = described(data, *SAID, "me")
    assert errors == ""
    assert set(body) >= REQUIRED
    assert body["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert body["@context"]["conformsTo"] == "dct:conformsTo"
    assert body["description"].endswith(
        "2 of 3 listed videos in train, 1 of 1 listed videos in test."
    )
    for file in body["distribution"]:
        wanted = {"cr:FileObject": {"contentUrl", "sha256"}, "cr:FileSet": {"includes"}}
        assert {"@id", "name", "encodingFormat"} | wanted[file["@type"]] <= set(file)
    for records in body["recordSet"]:
        assert {"@type", "@id", "name", "key", "field"} <= set(records)
        assert all({"@type", "@id", "name", "dataType"} <= set(field) for field in records["field"])


def test_every_reference_is_to_something_and_every_id_is_one(data):
    body, _ = described(data)
    del body["@context"]
    ids = [node["@id"] for node in nodes(body) if "@type" in node and "@id" in node]
    assert len(ids) == len(set(ids))
    references = {node["@id"] for node in nodes(body) if set(node) == {"@id"}}
    assert references <= set(ids)


def test_the_table_of_videos_is_the_passport(data):
    body, _ = described(data)
    content = (data / "my_videos" / "croissant-videos.csv").read_bytes()
    file = next(item for item in body["distribution"] if item["@type"] == "cr:FileObject")
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    rows = list(csv.DictReader(content.decode().splitlines()))
    assert [(row["id"], row["split"], row["labels"], row["frames"]) for row in rows] == [
        ("run, fast/1.mp4", "train", "0", "9"),
        ("walk/2.webm", "train", "0 1", "9"),
        ("walk/3.mp4", "test", "1", "9"),
    ]
    videos = next(item for item in body["recordSet"] if item["@id"] == "videos")
    columns = [field["source"]["extract"]["column"] for field in videos["field"]]
    assert columns == list(rows[0])
    classes = next(item for item in body["recordSet"] if item["@id"] == "classes")
    assert [row["classes/name"] for row in classes["data"]] == ["run, fast", "walk"]


def test_what_nobody_has_said_is_left_out_and_named(data):
    body, errors = described(data, "--creator", "me")
    assert REQUIRED - set(body) == {"license", "url"}
    assert errors == "harness: Croissant requires --license, --url as well; they are left out\n"
    assert described(data, "--creator", "me")[0] == body


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other", "has no passport of other; run: harness data check other --root FOLDER"),
        ("desk", "has no passport of desk; harness run makes it"),
    ],
)
def test_a_data_set_that_was_not_checked_is_named(data, name, words):
    ended = harness("data", "describe", name, "--data", data)
    assert (ended.returncode, words in ended.stderr) == (2, True), ended.stderr


def test_desk_videos_have_classes_in_words(tmp_path):
    folder = tmp_path / "desk-0123456789ab"
    folder.mkdir()
    splits = {
        "train": [_video(folder, "train/0.mp4", 0)],
        "test": [_video(folder, "test/0.mp4", 1)],
    }
    passport.write(folder / passport.FILE, passport.complete_passport(splits))
    assert harness("data", "describe", "desk", "--data", tmp_path).returncode == 0
    body = json.loads((folder / "croissant.json").read_text())
    classes = next(item for item in body["recordSet"] if item["@id"] == "classes")
    assert classes["data"][0]["classes/name"] == "disc grows, then square grows"


@pytest.fixture
def packed(tmp_path):
    """Return the folder of data sets with one that is packed into two shards."""
    source, folder = tmp_path / "source", tmp_path / "data" / "my_videos"
    videos = []
    for number, name in enumerate(["a/1.mp4", "a/b/2.MP4", "3.webm", "ü" * 90 + "/4.mp4"]):
        video = _video(source, name, number % 2)
        video.path.parent.mkdir(parents=True, exist_ok=True)
        video.path.write_bytes(name.encode() * 20_000)
        videos.append(replace(video, sha256=passport.file_sha256(video.path)))
    splits = {"train": videos[1:], "test": videos[:1]}
    passport.write(source / passport.FILE, passport.complete_passport(splits))
    assert pack.pack_data_set(source, folder, shard_mb=1) > 1
    return tmp_path / "data"


def members(folder, file):
    """Return the regular files of a tar file that metadata describe."""
    with tarfile.open(folder / file["contentUrl"]) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar if info.isreg()}


def test_packed_videos_are_described_as_members_of_their_shards(packed):
    body, _ = described(packed)
    folder = packed / "my_videos"
    shards = [f for f in body["distribution"] if f["encodingFormat"] == "application/x-tar"]
    for shard in shards:
        content = (folder / shard["contentUrl"]).read_bytes()
        assert shard["@type"] == "cr:FileObject"
        assert shard["sha256"] == hashlib.sha256(content).hexdigest()
        assert shard["contentSize"] == f"{len(content)} B"
    names = [name for shard in shards for name in members(folder, shard)]
    sets = [f for f in body["distribution"] if f["@type"] == "cr:FileSet"]
    assert {(f["@id"], f["encodingFormat"]) for f in sets} == {
        ("videos.mp4", "video/mp4"),
        ("videos.webm", "video/webm"),
    }
    for name in names:
        matching = [f for f in sets if any(fnmatch.fnmatchcase(name, p) for p in f["includes"])]
        assert len(matching) == 1, name
        (found,) = matching
        assert found["containedIn"] == [{"@id": shard["@id"]} for shard in shards]


def test_the_table_of_packed_videos_names_shard_and_member(packed):
    body, _ = described(packed)
    folder = packed / "my_videos"
    shards = {f["@id"]: members(folder, f) for f in body["distribution"] if "tar" in f["@id"]}
    rows = list(csv.DictReader((folder / "croissant-videos.csv").read_text().splitlines()))
    assert len(rows) == 4
    for row in rows:
        content = shards[row["path"]][row["member"]]
        assert (row["id"], row["sha256"]) == (row["member"], hashlib.sha256(content).hexdigest())
    videos = next(item for item in body["recordSet"] if item["@id"] == "videos")
    assert [field["source"]["extract"]["column"] for field in videos["field"]] == list(rows[0])


def other_place(shard):
    whole = shard.read_bytes()
    shard.write_bytes(whole[512:] + whole[:512])


@pytest.mark.parametrize(
    "change",
    [
        Path.unlink,
        lambda shard: shard.write_bytes(b""),
        lambda shard: shard.write_bytes(b"x" * 2000),
        lambda shard: shard.write_bytes(shard.read_bytes()[:600]),
        lambda shard: (shard.unlink(), shard.mkdir()),
        other_place,
    ],
    ids=["missing", "empty", "junk", "cut", "folder", "moved"],
)
def test_a_shard_that_is_not_that_of_its_passport_is_one_sentence(packed, change):
    change(packed / "my_videos" / "shards" / "00000.tar")
    ended = harness("data", "describe", "my_videos", "--data", packed)
    assert ended.returncode == 2, ended.stderr
    assert "00000.tar" in ended.stderr
    assert ended.stderr.strip().endswith("pack the data set again")
    assert ended.stderr.count("\n") == 1
