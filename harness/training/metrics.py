"""Metrics over videos with one label or several: pure functions of scores and targets.

Axes: N videos, K classes. Targets are 1 where a video has a label, else 0.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

Scores = Float[np.ndarray, "N K"]
Targets = Int[np.ndarray, "N K"]


def multi_hot(labels: Sequence[Sequence[int]], *, num_classes: int) -> Targets:
    """Return the labels of each video as zeros and ones over the classes."""
    rows = np.zeros((len(labels), num_classes), dtype=int)
    for row, video_labels in zip(rows, labels, strict=True):
        row[list(video_labels)] = 1
    return rows


def hits(scores: Scores, targets: Targets, *, k: int) -> Bool[np.ndarray, " N"]:
    """Return for each video whether one of its labels is among the k best scores.

    A class that ties with the best label counts as better, and so does a class whose score cannot
    be compared: equal scores and NaN earn nothing.
    """
    best = np.fmax.reduce(np.where(targets > 0, scores, np.nan), axis=1, keepdims=True)
    better = (~(scores < best) & (targets == 0)).sum(axis=1)
    correct: Bool[np.ndarray, " N"] = better < k
    return correct


def top_k(scores: Scores, targets: Targets, *, k: int) -> float:
    """Return the percentage of videos that are `hits`."""
    return float(100 * hits(scores, targets, k=k).mean())


def summary(scores: Scores, targets: Targets) -> dict[str, float]:
    """Return the metrics of a record: `top1`, `top5` and `map` in percent, and `videos`."""
    return {
        "top1": top_k(scores, targets, k=1),
        "top5": top_k(scores, targets, k=5),
        "map": mean_average_precision(scores, targets),
        "videos": len(targets),
    }


def mean_average_precision(scores: Scores, targets: Targets) -> float:
    """Return the mean over classes, in percent, of the area under precision against recall.

    Precision is interpolated: at each recall it is the highest precision at this recall or a
    higher one. Among equal scores, videos without the label come first, and NaN is the worst score
    for a video, so order in the list earns nothing. Classes without a positive video do not count.

    Args:
        scores: Any real numbers; only their order within a class matters.
        targets: 1 where a video has a label, else 0.

    Raises:
        ValueError: If no class has a positive video.

    Source: untrimmed classification in ActivityNet's evaluation code, which takes the
    interpolation from the VOC 2011 development kit and leaves ties to the sort order.
    """
    present = np.flatnonzero(targets.any(axis=0))
    if not len(present):
        raise ValueError("mean average precision needs at least one positive video")
    return float(100 * np.mean([_average_precision(scores[:, k], targets[:, k]) for k in present]))


def _average_precision(scores: Float[np.ndarray, " N"], hits: Int[np.ndarray, " N"]) -> float:
    worst = np.where(hits > 0, -np.inf, np.inf)
    hits = hits[np.lexsort((hits, -np.where(np.isnan(scores), worst, scores)))]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float(highest[hits > 0].mean())
