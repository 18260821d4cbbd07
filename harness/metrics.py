"""Metrics over videos: pure functions of scores and labels.

Axes: N videos, K classes.
"""

import numpy as np
from jaxtyping import Float, Int

Scores = Float[np.ndarray, "N K"]
Labels = Int[np.ndarray, " N"]


def top_k(scores: Scores, labels: Labels, *, k: int) -> float:
    """Return the share of videos, in percent, whose label is among the k best scores.

    A class that ties with the label counts as better, and so does one that cannot be compared:
    equal scores and NaN earn nothing.
    """
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    better = (~(scores < own)).sum(axis=1) - 1
    return float(100 * (better < k).mean())


def mean_average_precision(scores: Scores, targets: Int[np.ndarray, "N K"]) -> float:
    """Return the mean over classes, in percent, of the area under precision against recall.

    Precision at each positive is averaged, videos in falling order of score, as ActivityNet's
    untrimmed classification does. Classes without a positive video do not count.

    Args:
        scores: Any real numbers; only their order within a class matters.
        targets: 1 where a video has a label, else 0.

    Raises:
        ValueError: If no class has a positive video.
    """
    present = np.flatnonzero(targets.any(axis=0))
    if not len(present):
        raise ValueError("mean average precision needs at least one positive video")
    return float(100 * np.mean([_average_precision(scores[:, k], targets[:, k]) for k in present]))


def _average_precision(scores: Float[np.ndarray, " N"], hits: Int[np.ndarray, " N"]) -> float:
    hits = hits[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits > 0].mean())
