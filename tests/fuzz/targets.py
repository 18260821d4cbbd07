"""Functions of bytes: a reader takes them, or refuses them in a sentence; nothing else may happen.

`test_targets` drives them with Hypothesis, `python -m tests.fuzz` with atheris.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from harness import record
from harness.data import passport
from harness.data.datasets import folder
from harness.data.reading import packet_packing, sparse_decode
from harness.data.reading.decode import read_frames
from harness.data.video import DamagedVideoError
from harness.record_form import check as check_record
from harness.report import preregistration
from harness.schedule import status
from harness.utils import json_file
from harness.utils.journal import Journal
from harness.utils.json_file import schema
from tests.helpers import bad_videos
from tests.test_record import made

Target = Callable[[bytes], None]
MAX_SENTENCE = 2_000
FRAMES = 12
_WANTED = (0, 5, 11)


@cache
def scratch() -> Path:
    """Return a folder of this process, with the videos that lists and passports name."""
    root = Path(tempfile.mkdtemp(prefix="fuzz"))
    for name in ("a", "b"):
        (root / name).mkdir()
        (root / name / "1.mp4").write_bytes(good_video())
    return root


@cache
def good_video() -> bytes:
    """Return a short plain file of several groups of pictures."""
    with tempfile.TemporaryDirectory() as name:
        path = bad_videos.write(Path(name) / "good.mp4", n=FRAMES, enc={"g": "4"})
        return path.read_bytes()


@cache
def _frames() -> torch.Tensor:
    return read_frames(scratch() / "a" / "1.mp4")


def refuses_in_a_sentence(read: Callable[[], Any]) -> Any:
    """Return what a reader makes of its file; None if it refuses it as it should."""
    try:
        return read()
    except ValueError as error:
        sentence = str(error)
    assert sentence
    assert max(map(len, sentence.splitlines())) < MAX_SENTENCE
    return None


def _put(name: str, content: bytes) -> Path:
    path = scratch() / name
    path.write_bytes(content)
    return path


def records(content: bytes) -> None:
    """Read a record."""

    def read() -> Any:
        body = json_file.loads(content)
        check_record(body, Path("results/records/0.json"))
        return body

    refuses_in_a_sentence(read)


def passports(content: bytes) -> None:
    """Read a passport; what is believed can be written, and is the same afterwards."""
    path = _put("passport.json", content)
    found = refuses_in_a_sentence(lambda: passport.read(path))
    if found is not None:
        passport.write(scratch() / "again.json", found)
        assert passport.read(scratch() / "again.json").digest == found.digest
        for videos in found.splits.values():
            refuses_in_a_sentence(partial(passport.verify, videos))


def lists(content: bytes) -> None:
    """Read a list of videos; none lies outside its folder."""
    path = _put("list.csv", content)
    found = refuses_in_a_sentence(lambda: folder.videos(scratch(), "train", rows=path))
    for video in found or ():
        assert video.path.resolve().is_relative_to(scratch().resolve())
        assert video.labels
        assert min(video.labels) >= 0


def journals(content: bytes) -> None:
    """Read a journal, and append to it."""
    path = _put("journal.jsonl", content)
    with Journal(path) as journal:
        before = list(journal.rows())
        journal.append({"last": 1})
        assert list(journal.rows()) == [*before, {"last": 1}]


def declarations(content: bytes) -> None:
    """Read declarations: a line that is none is named, and stops nothing."""
    path = _put("table.jsonl", content)
    lines, faults = preregistration._load(path)
    assert len(lines) + len(faults) >= len([line for line in content.splitlines() if line.strip()])
    assert all(len(fault) < MAX_SENTENCE for fault in faults)


def statuses(content: bytes) -> None:
    """Read a status."""
    _put("status.json", content)
    refuses_in_a_sentence(lambda: status.read(scratch()))


def small_files(content: bytes) -> None:
    """Check JSON against every schema."""

    def read() -> None:
        body = json_file.loads(content)
        for path in sorted(schema.FOLDER.glob("*.json")):
            refuses_in_a_sentence(partial(schema.check, body, path.stem))

    refuses_in_a_sentence(read)


def planned_reading(content: bytes) -> None:
    """Read frames of a file by plan: those that reading in order gives, or damage."""
    path = _put("video.mp4", content)

    def read(how: Callable[[Path, list[int]], torch.Tensor]) -> torch.Tensor | None:
        try:
            return how(path, list(_WANTED))
        except DamagedVideoError:
            return None

    whole, planned = read(read_frames), read(sparse_decode.read_planned)
    if whole is not None:
        assert planned is not None
        if content == good_video():
            assert torch.equal(whole, planned)


def packet_tables(content: bytes) -> None:
    """Read by a table whose numbers are those of the bytes: a wrong table gives no wrong frame."""
    path = scratch() / "a" / "1.mp4"
    table = sparse_decode.build_index(path)
    assert table is not None
    numbers = [int.from_bytes(content[i : i + 3], "big") for i in range(0, len(content), 3)]
    sizes = tuple([*numbers, *table.sizes][: len(table.sizes)])
    found = sparse_decode.read_indexed(path, list(_WANTED), replace(table, sizes=sizes))
    assert found.shape == _frames()[list(_WANTED)].shape
    assert packet_packing.unpack(packet_packing.pack(table)) == table


def seeds() -> Mapping[Target, bytes]:
    """Return each target with a file that it takes."""
    video_row = {"id": "a/1", "path": "a/1.mp4", "labels": [0], "sha256": "0" * 64, "frames": 12}
    timing = {"timing": {"unit": "1/30", "step": "1", "stamps": []}, "stamp": [1, 2]}
    passport_body = {
        "listed": {"train": 1},
        "classes": ["x"],
        "root": ".",
        "changed": "",
        "splits": {"train": [video_row | timing]},
    }
    declaration = {
        "declared": "2026-01-01T00:00:00+00:00",
        "passports": ["p"],
        "before_results": True,
        "margin": 1.5,
        "claims": [],
    }
    state = {
        "run": "r",
        "sequence": 1,
        "phase": "ended",
        "seconds": 1.5,
        "seconds_left": None,
        "parts": [],
    }
    return {
        records: record.as_json(made()),
        passports: json.dumps(passport_body).encode(),
        lists: b"path,label\na/1.mp4,0\nb/1.mp4,1\n",
        journals: b'{"a": 1}\n{"b": [1, null]}\n',
        declarations: json.dumps(declaration).encode() + b"\n",
        statuses: json.dumps(state).encode(),
        small_files: json.dumps({"run": "r", "now": True}).encode(),
        planned_reading: good_video(),
        packet_tables: bytes(range(30)),
    }
