"""A data set is compared with its passport once a machine and campaign, and never in vain."""

import hashlib
import io
import json
import multiprocessing
import os
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from experiments.table_b import EXPERIMENT
from harness import data, trial
from harness.data import passport, verification
from harness.data.dataset import ClipDataset, ClipRequest
from harness.data.passport import Passport, column_file, content
from harness.data.reading.frame_cache import FrameCache
from harness.data.video import DamagedVideoError, Video
from harness.plan.request import planned_trials
from harness.schedule import rank_messages
from harness.specs import DataSpec
from harness.utils import process
from tests.helpers import bad_videos, collected_tables

VIDEOS = 20
SPEC = DataSpec(name="mine", num_classes=1)
CAMPAIGN = "autumn"


@pytest.fixture
def root(tmp_path):
    """A folder of data sets with one of 20 files, and its passport."""
    folder = tmp_path / "mine"
    (folder / "videos").mkdir(parents=True)
    found = []
    for number in range(VIDEOS):
        path = folder / "videos" / f"{number}.mp4"
        path.write_bytes(b"video %d" % number)
        sha256, stamp = passport.file_sha256(path), passport.file_stamp(path)
        found.append(
            Video(id=str(number), path=path, labels=(0,), frames=9, sha256=sha256, stamp=stamp)
        )
    known = Passport(splits={"train": found[2:], "test": found[:2]}, listed={"train": VIDEOS})
    passport.write(folder / passport.FILE, known)
    return tmp_path


def video_path(root, number=5):
    return root / "mine" / "videos" / f"{number}.mp4"


def note_path(root):
    (path,) = (root / "mine" / verification.FOLDER).glob("*.json")
    return path


def load(root, campaign=CAMPAIGN):
    return data.load_passport(SPEC, root, campaign=campaign)


def touch_all(root):
    """Give all files other times, as copying them does."""
    for number in range(VIDEOS):
        os.utime(video_path(root, number), (1, number))


@pytest.fixture
def counts(monkeypatch):
    """Count the looks at videos and their hashes."""
    found, stat, hashed = Counter(), os.stat, content.file_sha256

    def noted_stat(path, *args, **named):
        found["stat"] += str(path).endswith(".mp4")
        return stat(path, *args, **named)

    def noted_hash(path):
        found["hash"] += 1
        return hashed(path)

    monkeypatch.setattr(os, "stat", noted_stat)
    monkeypatch.setattr(content, "file_sha256", noted_hash)
    return found


def test_a_campaign_looks_at_every_video_once(root, counts):
    first = load(root)
    assert counts == {"stat": VIDEOS}
    for _ in range(3):
        assert load(root) == first
    assert counts == {"stat": VIDEOS}


def test_links_and_folders_are_resolved_once_a_folder(root, counts, monkeypatch):
    resolved, realpath = Counter(), os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda p, **k: (resolved.update([1]), realpath(p))[1])
    load(root)
    assert sum(resolved.values()) <= 4  # two of the passport, and one for each split


def test_the_hash_of_a_passport_is_computed_once_a_campaign(root, monkeypatch):
    first = load(root).digest
    monkeypatch.setattr(Passport, "_lines", None)
    assert load(root).digest == first


@pytest.mark.parametrize("other", ["", "winter"])
def test_another_campaign_or_none_looks_again(root, counts, other):
    load(root)
    load(root, other)
    assert counts["stat"] == 2 * VIDEOS


def test_two_campaigns_side_by_side_do_not_make_each_other_look_again(root, counts):
    for _ in range(3):
        load(root, "autumn")
        load(root, "winter")
        load(root, "")
    assert counts["stat"] == (2 + 3) * VIDEOS


def test_files_with_other_times_are_hashed_once_on_a_machine(root, counts):
    touch_all(root)
    for campaign in ("autumn", "winter", ""):
        assert load(root, campaign).splits["train"][3].stamp == (7, 5_000_000_000)
    assert counts == {"stat": 3 * VIDEOS + VIDEOS, "hash": VIDEOS}  # the hash looks too


def test_a_file_that_changes_after_it_was_hashed_is_hashed_again(root, counts):
    touch_all(root)
    load(root)
    os.utime(video_path(root), (2, 2))
    load(root, "winter")
    assert counts["hash"] == VIDEOS + 1


def test_a_video_without_a_stamp_in_the_passport_is_hashed_in_every_campaign(root, counts):
    path = root / "mine" / passport.FILE
    known = passport.read(path)
    splits = {split: [replace(v, stamp=None) for v in vs] for split, vs in known.splits.items()}
    passport.write(path, replace(known, splits=splits))
    load(root, "autumn")
    load(root, "autumn")
    assert counts["hash"] == VIDEOS
    load(root, "winter")
    assert counts["hash"] == 2 * VIDEOS


def other_passport(root, monkeypatch):
    path = root / "mine" / passport.FILE
    body = json.loads(path.read_text())
    path.write_text(json.dumps(body | {"changed": "re-encoded"}))


def other_boot(root, monkeypatch):
    monkeypatch.setattr(process, "machine_id", lambda: "another boot")


def unknown_machine(root, monkeypatch):
    monkeypatch.setattr(process, "machine_id", lambda: "")


def other_user(root, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)


def a_day_later(root, monkeypatch):
    now = time.time() + verification.VALID_S
    monkeypatch.setattr(time, "time", lambda: now)


def clock_set_back(root, monkeypatch):
    now = time.time() - 60
    monkeypatch.setattr(time, "time", lambda: now)


def missing_stamps(root, monkeypatch):
    note_path(root).with_suffix(".stamps").unlink()


def altered_stamps(root, monkeypatch):
    path = note_path(root).with_suffix(".stamps")
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def altered_note(root, monkeypatch):
    note_path(root).write_text("{}")


def cut_note(root, monkeypatch):
    note_path(root).write_bytes(note_path(root).read_bytes()[:-9])


REASONS = [
    other_passport,
    other_boot,
    unknown_machine,
    other_user,
    a_day_later,
    clock_set_back,
    missing_stamps,
    altered_stamps,
    altered_note,
    cut_note,
]


@pytest.mark.parametrize("change", REASONS, ids=lambda change: change.__name__)
def test_a_note_is_believed_no_further_than_it_goes(root, counts, monkeypatch, change):
    load(root)
    change(root, monkeypatch)
    load(root)
    assert counts["stat"] == 2 * VIDEOS


def as_file(save, *arrays):
    file = io.BytesIO()
    save(file, *arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    "stamps",
    [
        b"",
        b"\0" * 16 * (VIDEOS - 1),
        b"\0" * 16 * (VIDEOS + 1),
        b"\0" * (16 * VIDEOS - 1),
        as_file(np.save, np.zeros((VIDEOS, 2), np.int64)),
        as_file(np.savez, np.zeros((VIDEOS, 2), np.int64)),
        np.lib.format.magic(1, 0) + b"\x01\0(",
    ],
    ids=len,
)
def test_stamps_of_another_form_or_number_of_videos_are_not_believed(root, counts, stamps):
    load(root)
    path = note_path(root)
    path.with_suffix(".stamps").write_bytes(stamps)
    digest = hashlib.sha256(stamps).hexdigest()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"stamps": digest}))
    load(root)
    assert counts["stat"] == 2 * VIDEOS


def test_no_note_is_left_of_damaged_videos(root):
    video_path(root).write_bytes(b"another")
    for _ in range(2):
        with pytest.raises(DamagedVideoError, match=r"5\.mp4: content differs"):
            load(root)
    video_path(root).unlink()
    with pytest.raises(DamagedVideoError, match=r"5\.mp4: listed in the passport, but missing"):
        load(root)
    assert not [*(root / "mine" / verification.FOLDER).glob("*.json")]


def test_where_nothing_can_be_written_every_process_looks(root, counts, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(verification.files, "make_folder", refuse)
    monkeypatch.setattr(verification, "write_atomic", refuse)
    touch_all(root)
    for _ in range(2):
        assert load(root).splits["test"][1].stamp == (7, 1_000_000_000)
    assert counts["hash"] == 2 * VIDEOS


def _load_in_child(root, counted):
    stat = os.stat

    def noted_stat(path, *args, **named):
        with counted.get_lock():
            counted.value += str(path).endswith(".mp4")
        return stat(path, *args, **named)

    os.stat = noted_stat
    load(root)


@pytest.mark.slow
def test_processes_that_start_together_look_once_between_them(root):
    context = multiprocessing.get_context("fork")
    counted = context.Value("i", 0)
    ranks = [context.Process(target=_load_in_child, args=(root, counted)) for _ in range(4)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    assert [rank.exitcode for rank in ranks] == [0] * 4
    assert counted.value == VIDEOS


def test_an_old_passport_gets_columns_from_the_first_process(root, monkeypatch):
    monkeypatch.setattr(column_file, "MIN_VIDEOS", VIDEOS)
    first = load(root)
    assert column_file.column_path(root / "mine" / passport.FILE).is_file()
    assert type(first.splits["train"]) is not list
    assert load(root) == first == replace(passport.read(root / "mine" / passport.FILE))
    monkeypatch.setattr(content, "verify", None)
    touch_all(root)
    assert load(root).digest == first.digest


@pytest.mark.slow
def test_a_plan_a_trial_and_its_ranks_compare_the_videos_once_between_them(
    tiny_trial, tmp_path, monkeypatch
):
    looks, verify = [], passport.verify
    monkeypatch.setattr(passport, "verify", lambda videos: looks.append(videos) or verify(videos))
    request = collected_tables.request(EXPERIMENT, tmp_path)
    runtime = replace(request.runtime, campaign=CAMPAIGN)
    planned_trials(replace(request, runtime=runtime))
    rank_messages.make_folder(tiny_trial, runtime)
    trial.run(tiny_trial, runtime, lambda _: None)
    assert len(looks) == len(("train", "test"))


@pytest.fixture
def readable(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(bad_videos.good_bytes(tmp_path, n=8))
    sha256, stamp = passport.file_sha256(path), passport.file_stamp(path)
    return Video(id="a", path=path, labels=(0,), frames=8, sha256=sha256, stamp=stamp)


def example(video):
    spec = DataSpec(name="mine", num_classes=1, num_frames=2, num_snippets=2, crop_px=16)
    return ClipDataset(spec, seed=0, cache=FrameCache(0))[ClipRequest(video, 0)]


def test_a_video_that_changes_during_training_is_noticed_when_it_is_read(readable, counts):
    example(readable)
    assert counts["hash"] == 0
    os.utime(readable.path, (1, 1))
    example(readable)
    assert counts["hash"] == 1
    readable.path.write_bytes(readable.path.read_bytes() + b"\0")
    with pytest.raises(DamagedVideoError, match="content differs from the hash in the passport"):
        example(readable)
