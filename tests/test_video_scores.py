import hashlib
import io
import os
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from harness import record, video_scores
from harness.data.video import Video
from harness.training import metrics
from tests.test_record import TRIAL, made


def packed(logits, labels):
    buffer = io.BytesIO()
    ids = [f"test/{n:05}" for n in range(len(labels))]
    np.savez_compressed(buffer, scores=logits.astype(np.float32), labels=labels, ids=ids)
    return buffer.getvalue()


def written(results, logits, labels, each=None):
    """Write a record with its scores."""
    return write_pair(results, packed(logits, labels), logits.shape, each)


def write_pair(results, content, shape, each=None):
    """Write a record of scores of a shape, under the key of a trial with as many classes."""
    each = each or made()
    trial = {**each.trial, "data": {**each.trial["data"], "num_classes": shape[1]}}
    each = replace(
        each,
        key=record.key_of(trial, each.passport),
        trial=trial,
        metrics={**each.metrics, "videos": shape[0]},
        scores_sha256=hashlib.sha256(content).hexdigest(),
    )
    record.write(results, each, content)
    return each


@pytest.fixture
def made_by_trial(tmp_path):
    """Write a record with scores as a trial packs them."""

    def write(logits, videos):
        return write_pair(tmp_path, video_scores.pack(logits, videos), logits.shape)

    return write


@pytest.fixture
def logits():
    return np.random.default_rng(0).normal(size=(40, 12)).round(1)


@pytest.mark.parametrize(("metric", "k"), [("top1", 1), ("top5", 5)])
def test_videos_are_right_as_the_metric_counts_them(tmp_path, logits, metric, k):
    labels = np.arange(40) % 12
    found = video_scores.read(tmp_path, written(tmp_path, logits, labels))
    right = video_scores.correct_videos(found, metric=metric)
    assert 100 * right.mean() == metrics.top_k(found.scores, found.targets, k=k)
    assert found.targets.argmax(1).tolist() == labels.tolist()
    assert found.ids[:2] == ("test/00000", "test/00001")


def test_a_video_of_several_labels_is_right_if_one_of_them_is(tmp_path, made_by_trial):
    videos = [
        Video(id="a", path=tmp_path, labels=(0, 2)),
        Video(id="b", path=tmp_path, labels=(1,)),
        Video(id="c", path=tmp_path, labels=(0, 1)),
    ]
    logits = np.eye(3)[[2, 1, 2]]
    found = video_scores.read(tmp_path, made_by_trial(logits, videos))
    assert found.targets.tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 0]]
    assert video_scores.correct_videos(found, metric="top1").tolist() == [True, True, False]


def test_labels_are_packed_once_where_a_video_has_one(tmp_path, made_by_trial):
    videos = [Video(id=name, path=tmp_path, labels=(2,)) for name in "ab"]
    each = made_by_trial(np.eye(3)[[2, 1]], videos)
    with np.load(record.scores_path(tmp_path, each)) as kept:
        assert kept.files == ["scores", "labels", "ids"]
    found = video_scores.read(tmp_path, each)
    assert video_scores.correct_videos(found, metric="top1").tolist() == [True, False]


def test_scores_that_are_not_those_of_the_record_are_refused(tmp_path, logits):
    each = written(tmp_path, logits, np.arange(40) % 12)
    path = record.scores_path(tmp_path, each)
    path.write_bytes(packed(logits + 1, np.arange(40) % 12))
    with pytest.raises(ValueError, match=r"\.npz was altered; delete its record too"):
        video_scores.read(tmp_path, each)
    path.unlink()
    with pytest.raises(ValueError, match=r"\.npz is missing"):
        video_scores.read(tmp_path, each)


def test_a_metric_that_does_not_judge_videos_is_refused(tmp_path, logits):
    found = video_scores.read(tmp_path, written(tmp_path, logits, np.arange(40) % 12))
    with pytest.raises(ValueError, match="map is not a share of videos"):
        video_scores.correct_videos(found, metric="map")


def trained(average, label):
    """Return a record of a trial that averages logits or probabilities."""
    evaluation = replace(TRIAL.evaluation, average=average)
    model = replace(TRIAL.model, dropout=label)
    return made(replace(TRIAL, evaluation=evaluation, model=model))


def test_networks_are_fused_by_their_probabilities(tmp_path, logits):
    labels = np.arange(40) % 12
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    parts = [
        written(tmp_path, 10 * logits[::-1], labels, trained("logits", 0.1)),
        written(tmp_path, shares, labels, trained("probabilities", 0.2)),
    ]
    fused = video_scores.fuse(tmp_path, parts)
    steep = np.exp(10 * logits[::-1]) / np.exp(10 * logits[::-1]).sum(1, keepdims=True)
    found = video_scores.read(tmp_path, fused)
    assert np.allclose(found.scores, (steep + shares) / 2, atol=1e-6)
    assert fused.metrics["top1"] == metrics.top_k(found.scores, found.targets, k=1)
    assert fused.params == parts[0].params + parts[1].params
    assert fused.key not in {part.key for part in parts}


def test_scores_of_different_videos_are_not_fused(tmp_path, logits):
    parts = [
        written(tmp_path, logits[:count], np.zeros(count, int), trained("logits", count / 100))
        for count in (40, 30)
    ]
    with pytest.raises(ValueError, match="hold scores of different videos; run them again"):
        video_scores.fuse(tmp_path, parts)


def archive(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def good(videos=3, classes=2):
    return {
        "scores": np.zeros((videos, classes), np.float32),
        "labels": np.zeros(videos, int),
        "ids": np.array([f"video {number}" for number in range(videos)]),
    }


def pickled():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], object), allow_pickle=True)
    return buffer.getvalue()


def lying(shape):
    """Return an archive whose scores say another shape than they have."""
    buffer, member = io.BytesIO(), io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, header)
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("scores.npy", member.getvalue())
        for name in ("labels", "ids"):
            part = io.BytesIO()
            np.save(part, good()[name])
            file.writestr(f"{name}.npy", part.getvalue())
    return buffer.getvalue()


def encrypted():
    """Return an archive whose members say that they are encrypted."""
    content = bytearray(archive(**good()))
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        content[place + 8] |= 1
        place = content.find(b"PK\x01\x02", place + 4)
    return bytes(content)


BAD_SCORES = {
    "no zip": lambda: b"not a zip",
    "a pickle": pickled,
    "an object array": lambda: archive(**good() | {"scores": np.array([{}], object)}),
    "one axis": lambda: archive(**good() | {"scores": np.zeros(3, np.float32)}),
    "whole numbers": lambda: archive(**good() | {"scores": np.zeros((3, 2), int)}),
    "no labels": lambda: archive(**{name: good()[name] for name in ("scores", "ids")}),
    "fewer labels": lambda: archive(**good() | {"labels": np.zeros(1, int)}),
    "labels beyond": lambda: archive(**good() | {"labels": np.full(3, 10**6)}),
    "labels below": lambda: archive(**good() | {"labels": np.full(3, -1)}),
    "labels of bytes": lambda: archive(**good() | {"labels": np.array([b"0"] * 3)}),
    "fewer ids": lambda: archive(**good() | {"ids": np.array(["a"])}),
    "numbers as ids": lambda: archive(**good() | {"ids": np.arange(3)}),
    "wide ids": lambda: archive(**good() | {"ids": np.array(["x" * 5_000] * 3)}),
    "NaN": lambda: archive(**good() | {"scores": np.full((3, 2), np.nan, np.float32)}),
    "infinity": lambda: archive(**good() | {"scores": np.full((3, 2), np.inf, np.float32)}),
    "more videos": lambda: archive(**good(videos=4)),
    "more classes": lambda: archive(**good(classes=3)),
    "a foreign array": lambda: archive(**good(), more=np.zeros(3)),
    "targets of 7": lambda: archive(**good(), targets=np.full((3, 2), 7)),
    "targets without labels": lambda: archive(**good(), targets=np.zeros((3, 2), int)),
    "a lying header": lambda: lying((10**9, 10**9)),
    "a header without content": lambda: lying((3, 2)),
    "encrypted": encrypted,
    "cut": lambda: archive(**good())[:-30],
    "a bomb": lambda: archive(**good() | {"scores": np.zeros((100, 10**6), np.uint8)}),
}


@pytest.mark.parametrize("name", BAD_SCORES)
def test_scores_that_are_not_of_the_form_of_their_record_are_refused(tmp_path, name):
    each = write_pair(tmp_path, BAD_SCORES[name](), (3, 2))
    with pytest.raises(
        video_scores.BadScoresError, match=r"\.npz .*; delete its record too"
    ) as caught:
        video_scores.read(tmp_path, each)
    assert caught.value.key == each.key


def test_good_scores_are_read(tmp_path):
    assert (
        video_scores.read(tmp_path, write_pair(tmp_path, archive(**good()), (3, 2))).ids[0]
        == "video 0"
    )


@pytest.mark.slow
def test_no_bomb_is_unpacked(tmp_path):
    content = archive(**good() | {"scores": np.zeros((1_000, 50_000), np.float32)})
    each = write_pair(tmp_path, content, (3, 2))
    tracemalloc.start()
    with pytest.raises(video_scores.BadScoresError):
        video_scores.read(tmp_path, each)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(content) < 20_000_000


def test_scores_that_are_a_pipe_or_a_link_are_refused(tmp_path):
    each = write_pair(tmp_path, archive(**good()), (3, 2))
    path = record.scores_path(tmp_path, each)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(video_scores.BadScoresError, match="is a link"):
        video_scores.read(tmp_path, each)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(video_scores.BadScoresError, match="is not a regular file"):
        video_scores.read(tmp_path, each)


def test_scores_beside_an_older_record_are_found(tmp_path):
    each = write_pair(tmp_path, archive(**good()), (3, 2))
    path = record.scores_path(tmp_path, each)
    path.rename(path.with_name(f"{each.key}.npz"))
    assert video_scores.read(tmp_path, each).ids == ("video 0", "video 1", "video 2")


def test_scores_that_are_not_finite_are_not_packed(tmp_path):
    videos = [Video(id=name, path=tmp_path, labels=(0,)) for name in "ab"]
    with pytest.raises(video_scores.NonFiniteScoresError, match="1 of 2 test videos"):
        video_scores.pack(np.array([[0.0, 1.0], [np.nan, 0.0]]), videos)
