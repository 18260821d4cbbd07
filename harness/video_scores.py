"""Scores of a trial, video by video, stored beside its record; those of several are fused."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from harness.data.video import Video
from harness.record import FusedRecord, Record
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


def fuse(results: Path, parts: Sequence[Record]) -> FusedRecord:
    """Return the record of the averaged scores of several networks, all of one seed.

    Costs and times are sums. The network of the first part stands for the trial.

    Raises:
        ValueError: If scores are missing or altered, or are those of different videos.
    """
    keys, digests = ([getattr(part, name) for part in parts] for name in ("key", "scores_sha256"))
    fused = _fuse([read(results, part) for part in parts], parts)
    first, last = parts[0], max(parts, key=lambda part: part.finished_ms)
    return FusedRecord(
        key=hashlib.sha256(" ".join(keys).encode()).hexdigest()[: len(first.key)],
        trial=first.trial,
        passport=first.passport,
        code={name: digest for part in parts for name, digest in part.code.items()},
        metrics=metrics.summary(fused.scores, fused.targets),
        params=sum(part.params for part in parts),
        gmacs=sum(part.gmacs for part in parts),
        counting_rule=first.counting_rule,
        history=last.history,
        scores_sha256=hashlib.sha256(" ".join(digests).encode()).hexdigest(),
        provenance=last.provenance,
        seconds=sum(part.seconds for part in parts),
        resumed_epochs=[],
        data=first.data,
        parts=tuple(parts),
    )


def _fuse(all_scores: Sequence[VideoScores], parts: Sequence[Record]) -> VideoScores:
    """Average the probabilities of several networks for each video."""
    first = all_scores[0]
    if any(scored.ids != first.ids for scored in all_scores):
        labels = ", ".join(part.key for part in parts)
        raise ValueError(f"records {labels} hold scores of different videos; run them again")
    probabilities = [
        _softmax(scored.scores)
        if part.trial["evaluation"]["average"] == "logits"
        else scored.scores
        for scored, part in zip(all_scores, parts, strict=True)
    ]
    return replace(first, scores=np.mean(probabilities, axis=0))


def _softmax(logits: Scores) -> Scores:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Scores = powers / powers.sum(axis=1, keepdims=True)
    return shares


def read(results: Path, record: Record) -> VideoScores:
    """Read the scores of a record; for a fused one, average those of its parts.

    Raises:
        ValueError: If they are missing, or do not have the hash in the record.
    """
    if isinstance(record, FusedRecord):
        return _fuse([read(results, part) for part in record.parts], record.parts)
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
