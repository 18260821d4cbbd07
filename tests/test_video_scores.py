import hashlib
import io
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
    content = packed(logits, labels)
    each = replace(each or made(), scores_sha256=hashlib.sha256(content).hexdigest())
    record.write(results, each, content)
    return each


@pytest.fixture
def made_by_trial(tmp_path):
    """Write a record with scores as a trial packs them."""

    def write(logits, videos):
        content = video_scores.pack(logits, videos)
        each = replace(made(), scores_sha256=hashlib.sha256(content).hexdigest())
        record.write(tmp_path, each, content)
        return each

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
    with np.load(tmp_path / "records" / f"{each.key}.npz") as kept:
        assert kept.files == ["scores", "labels", "ids"]
    found = video_scores.read(tmp_path, each)
    assert video_scores.correct_videos(found, metric="top1").tolist() == [True, False]


def test_scores_that_are_not_those_of_the_record_are_refused(tmp_path, logits):
    each = written(tmp_path, logits, np.arange(40) % 12)
    path = tmp_path / "records" / f"{each.key}.npz"
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
