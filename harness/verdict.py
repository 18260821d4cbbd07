"""Statistics of a table: pure functions of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean over seeds, and half the width of its interval; None from a single seed."""

    mean: float
    half_width: float | None
    seeds: int


def over_seeds(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return the mean of several seeds with Student's interval.

    Args:
        values: One per seed, at least one.
        confidence: Share of such intervals that hold the true mean.
    """
    seeds = len(values)
    mean = float(np.mean(values))
    if seeds == 1:
        return Interval(mean=mean, half_width=None, seeds=1)
    quantile = stats.t.ppf((1 + confidence) / 2, seeds - 1)
    half = float(quantile * np.std(values, ddof=1) / np.sqrt(seeds))
    return Interval(mean=mean, half_width=half, seeds=seeds)
