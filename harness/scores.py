"""Scores of a trial, video by video, stored beside its record."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from harness.data.video import Video
from harness.record import Record
from harness.training import metrics
from harness.training.metrics import Scores, Targets, hits, multi_hot

CorrectVideos = Bool[np.ndarray, " N"]
TOP_K = {"top1": 1, "top5": 5}


@dataclass(frozen=True, kw_only=True)
class VideoScores:
    """Averaged scores of every test video, with labels and ids."""

    scores: Scores
    targets: Targets
    ids: tuple[str, ...]


def read(results: Path, record: Record) -> VideoScores:
    """Read the scores of a record.

    Raises:
        ValueError: If they are missing, or do not have the hash in the record.
    """
    path = results / "records" / f"{record.key}.npz"
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != record.scores_sha256:
        fault = "was altered" if content else "is missing"
        raise ValueError(f"{path} {fault}; delete its record too, to run its trial again")
    with np.load(io.BytesIO(content)) as packed:
        scores = packed["scores"]
        # Targets are stored only if a video has several labels.
        is_multi_label = "targets" in packed
        targets = packed["targets"] if is_multi_label else _targets(packed["labels"], scores)
        return VideoScores(scores=scores, targets=targets, ids=tuple(packed["ids"].tolist()))


def _targets(labels: Int[np.ndarray, " N"], scores: Scores) -> Targets:
    num_classes = scores.shape[1]
    return multi_hot(labels[:, None].tolist(), num_classes=num_classes)


def correct_videos(scored: VideoScores, *, metric: str) -> CorrectVideos:
    """Return for every video whether it was classified correctly.

    Raises:
        ValueError: If the metric is not a share of videos.
    """
    if metric not in TOP_K:
        allowed = " and ".join(TOP_K)
        raise ValueError(f"{metric} is not a share of videos; claims can be about {allowed}")
    return hits(scored.scores, scored.targets, k=TOP_K[metric])


def pack(scores: np.ndarray, videos: list[Video]) -> bytes:
    """Return scores, ids and first labels as a file; with all labels if a video has several."""
    packed = {
        "scores": scores.astype(np.float32),
        "labels": np.array([video.label for video in videos]),
        "ids": np.array([video.id for video in videos]),
    }
    if any(len(video.labels) > 1 for video in videos):
        labels = [video.labels for video in videos]
        packed["targets"] = metrics.multi_hot(labels, num_classes=scores.shape[1]).astype(np.int8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **packed)  # type: ignore[arg-type]
    return buffer.getvalue()
