"""The difference of two rows, measured on the same seeds and videos.

Accuracies and their differences are in percent points. Axes: S seeds, N videos.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from harness.stats import resampling
from harness.stats.resampling import Clusters, Draws

Runs = Bool[np.ndarray, "S N"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of two rows, the first minus the second.

    Attributes:
        estimate: Mean over seeds and videos.
        low: Lower end of the 95 % interval.
        high: Upper end of it.
        inner: The 90 % interval, that of two one-sided tests at 5 %.
        p: Two-sided probability of a difference like this if there were none.
        improvement: Probability that a run of the first beats a run of the second.
        deviation: Of one row from seed to seed; None from a single seed.
        disagreement: Percent of the videos on which exactly one of two paired runs is right.
        seeds: Pairs of runs.
        draws: What other seeds and videos would have given.
    """

    estimate: float
    low: float
    high: float
    inner: tuple[float, float]
    p: float
    improvement: float
    deviation: float | None
    disagreement: float
    seeds: int
    draws: Draws = field(repr=False, compare=False)


def paired_difference(first: Runs, second: Runs, *, clusters: Clusters | None = None) -> Difference:
    """Compare two rows, pair by pair of seeds and video by video.

    Args:
        first: Whether each run classified each video correctly.
        second: The same seeds and videos.
        clusters: Number of the cluster of each video; each on its own by default.
    """
    gaps = (first.astype(float) - second)[None]
    draws = resampling.draw_means(
        gaps if clusters is None else resampling.cluster_means(gaps, clusters)
    )
    low, inner_low, inner_high, high = np.quantile(draws, [0.025, 0.05, 0.95, 0.975])
    seeds = len(first)
    exact = seeds == 1 and clusters is None
    return Difference(
        estimate=100 * float(gaps.mean()),
        low=float(low),
        high=float(high),
        inner=(float(inner_low), float(inner_high)),
        p=exact_mcnemar(first[0], second[0]) if exact else _zero_p(draws),
        improvement=_improvement(first.mean(axis=1), second.mean(axis=1)),
        deviation=_deviation(gaps[0].mean(axis=1)),
        disagreement=100 * float((first != second).mean()),
        seeds=seeds,
        draws=draws,
    )


def exact_mcnemar(first: Bool[np.ndarray, " N"], second: Bool[np.ndarray, " N"]) -> float:
    """Return the two-sided p of two single runs, from the videos that only one has right."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return float(mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue)


def equivalence(gap: Difference, *, limit: float) -> float:
    """Return the p of two one-sided tests: that a difference is not within a limit."""
    beyond = max(int((gap.draws <= -limit).sum()), int((gap.draws >= limit).sum()))
    return min((beyond + 1) / (gap.draws.size + 1), 1.0)


def holm(ps: Sequence[float]) -> list[float]:
    """Adjust the p of a family of comparisons, so that one false claim among them stays rare."""
    if not ps:
        return []
    return [float(p) for p in multipletests(ps, method="holm")[1]]


def _zero_p(draws: Draws) -> float:
    tail = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(2 * (tail + 1) / (draws.size + 1), 1.0)


def _improvement(first: Float[np.ndarray, " S"], second: Float[np.ndarray, " S"]) -> float:
    """Count every run against every other; a draw is half a win."""
    gaps = first[:, None] - second
    return float((gaps > 0).mean() + (gaps == 0).mean() / 2)


def _deviation(gaps: Float[np.ndarray, " S"]) -> float | None:
    """Return that of a row with half the variance of the gap."""
    return 100 * float(np.std(gaps, ddof=1)) / 2**0.5 if len(gaps) > 1 else None
