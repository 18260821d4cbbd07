"""The scores that a trial left beside its record, video by video."""

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

Right = Bool[np.ndarray, " N"]
PLACES = {"top1": 1, "top5": 5}


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Averaged scores of every test video, with its labels and its id."""

    scores: Scores
    targets: Targets
    ids: tuple[str, ...]


def read(results: Path, record: Record) -> Scored:
    """Read the scores of a record.

    Raises:
        ValueError: If they are missing, or not those that the record was made from.
    """
    path = results / "records" / f"{record.key}.npz"
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != record.scores_sha256:
        what = "was altered" if content else "is missing"
        raise ValueError(f"{path} {what}; delete its record too, to run its trial again")
    with np.load(io.BytesIO(content)) as packed:
        found = packed["scores"]
        # Only videos of several labels need more than a label each.
        named = "targets" in packed
        marked = packed["targets"] if named else _marked(packed["labels"], found.shape[1])
        return Scored(scores=found, targets=marked, ids=tuple(packed["ids"].tolist()))


def _marked(labels: Int[np.ndarray, " N"], num_classes: int) -> Targets:
    return multi_hot(labels[:, None].tolist(), num_classes=num_classes)


def correct(scored: Scored, *, metric: str) -> Right:
    """Say of every video whether it counts as right.

    Raises:
        ValueError: If the metric does not judge videos one by one.
    """
    if metric not in PLACES:
        known = " and ".join(PLACES)
        raise ValueError(f"{metric} is no share of videos; claims can be made of {known}")
    return hits(scored.scores, scored.targets, k=PLACES[metric])


def pack(scores: np.ndarray, videos: list[Video]) -> bytes:
    """Pack scores with the ids and first labels of their videos; all labels where one has more."""
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
