"""Functions of bytes: a reader takes them, or refuses them in a sentence; nothing else may happen.

`test_targets` drives them with Hypothesis, `python -m tests.fuzz` with atheris.
"""

import json
import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from harness import record
from harness.data import passport
from harness.data.datasets import activitynet, folder, kinetics400, something_v2
from harness.data.prepare import reader_answers
from harness.data.reading import packet_packing, sparse_decode
from harness.data.reading.decode import read_frames
from harness.data.video import DamagedVideoError
from harness.exchange import verify
from harness.exchange.bundle import FORMAT, MANIFEST
from harness.plan import throughput
from harness.record_form import check as check_record
from harness.report import preregistration
from harness.schedule import status
from harness.specs import ModelSpec
from harness.utils import json_file
from harness.utils.journal import Journal
from harness.utils.json_file import schema
from harness.weights import given_file
from tests.helpers import bad_videos, tiny_trials
from tests.helpers.results_folders import row_trial
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


@cache
def _model() -> ModelSpec:
    return tiny_trials.shrunk(row_trial("table_b/DSA at II")).model


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


def kinetics_annotations(content: bytes) -> None:
    """Read annotations of Kinetics in JSON."""
    _read_annotations(kinetics400, "val/x/abcdefghij1.mp4", content)


def activitynet_annotations(content: bytes) -> None:
    """Read annotations of ActivityNet."""
    _read_annotations(activitynet, "v_abcdefghij1.mp4", content)


def _read_annotations(dataset: Any, video_path: str, content: bytes) -> None:
    """Read annotations; every video that they list has a label and a name."""
    path, video_file = _put("annotations.json", content), scratch() / "annotated" / video_path
    video_file.parent.mkdir(parents=True, exist_ok=True)
    video_file.touch()
    videos = partial(dataset.videos, scratch() / "annotated", "test", rows=path)
    for video in refuses_in_a_sentence(videos) or ():
        assert video.id.isprintable()
        assert video.labels


def class_lists(content: bytes) -> None:
    """Read names of classes in JSON; those that are believed can be written in a passport."""
    path = scratch() / "classes" / "labels.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    read = partial(something_v2.class_names, path.parent)
    names = refuses_in_a_sentence(lambda: reader_answers.check_class_names(read()))
    if names is not None:
        known = passport.Passport(splits={}, listed={}, classes=names)
        passport.write(path.parent / "passport.json", known)
        assert passport.read(path.parent / "passport.json").digest == known.digest


def manifests(content: bytes) -> None:
    """Read the manifest of a bundle."""
    path = _put(MANIFEST, content)
    refuses_in_a_sentence(lambda: verify._manifest(path.parent, path))


def measurements(content: bytes) -> None:
    """Read a measured throughput, by which the budget of a plan is divided."""
    path = _put("measured.json", content)
    rate = refuses_in_a_sentence(lambda: throughput.read_rate(path, scale="paper"))
    if rate is not None:
        assert 0 < rate.macs_per_second < math.inf


def descriptions(content: bytes) -> None:
    """Compare what a file of weights says of itself with a network."""
    path = scratch() / "described.safetensors"
    text = content.decode(errors="replace")
    save_file({"bias": torch.zeros(1)}, path, metadata={given_file.METADATA: text})
    refuses_in_a_sentence(lambda: given_file._check_description(path, _model(), ("x",)))


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
    clip = {"label": "abseiling", "segment": [0, 10]}
    kinetics = {"annotations": clip, "subset": "validate"}
    activity = {"annotations": [{"label": "Zumba"}], "subset": "validation"}
    numbers = dict.fromkeys(("estimate", "low", "high", "p"), 0.5)
    verdict = {"x": {"verdict": "supported", "sentence": "It held.", **numbers}}
    setting = {"table": "t", "scale": "own", "base": "desk", "changes": {"epochs": 3}}
    manifest = {
        "format": FORMAT,
        "source": "0",
        "files": {"own/x.py": {"sha256": "0" * 64, "bytes": 1}},
        "own": {"modules": {"own/x.py": "x"}, "missing": ["y"]},
        "verdicts": [setting | {"rows": verdict, "claims": verdict, "stale": []}],
    }
    measured = {"table": "t", "row": "r", "scale": "paper", "device_name": "x", "batch_videos": 4}
    return {
        records: record.as_json(made()),
        passports: json.dumps(passport_body).encode(),
        lists: b"path,label\na/1.mp4,0\nb/1.mp4,1\n",
        kinetics_annotations: json.dumps({"abcdefghij1": kinetics}).encode(),
        activitynet_annotations: json.dumps({"database": {"abcdefghij1": activity}}).encode(),
        class_lists: json.dumps({f"thing {n}": str(n) for n in range(174)}).encode(),
        manifests: json.dumps(manifest).encode(),
        measurements: json.dumps(measured | {"macs_per_second": {"median": 5.0}}).encode(),
        descriptions: given_file.describe(_model(), "0")[given_file.METADATA].encode(),
        journals: b'{"a": 1}\n{"b": [1, null]}\n',
        declarations: json.dumps(declaration).encode() + b"\n",
        statuses: json.dumps(state).encode(),
        small_files: json.dumps({"run": "r", "now": True}).encode(),
        planned_reading: good_video(),
        packet_tables: bytes(range(30)),
    }
