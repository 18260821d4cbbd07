"""Statistical power of the judge's own tests, planned in advance for two rows.

A claim is judged by paired differences over seeds, so power follows Student's t with one degree of
freedom less than seeds. Accuracies, gaps and deviations are in percent points, disagreement in
percent of the videos.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy import optimize, stats

POWER = 0.8
LEVEL = 0.05
MAX_SEEDS = 1000
_STEPS = 2000  # of the distribution of a measured deviation
DECLARED_DEVIATION, DECLARED_ACCURACY, DECLARED_VIDEOS = 0.35, 81.5, 5000


def expected_deviation(accuracy: float, videos: int) -> float:
    """Return the deviation from seed to seed to expect of an accuracy on a number of videos.

    0.35 points at 81.5 % on 5,000 videos, and elsewhere in proportion to √(error / videos), as
    arXiv 2304.01910 derives for networks whose confidence is calibrated. An error under one percent
    counts as one percent.
    """
    declared = (100 - DECLARED_ACCURACY) / DECLARED_VIDEOS
    return DECLARED_DEVIATION * math.sqrt(max(100 - accuracy, 1) / videos / declared)


def better_power(gap: float, *, deviation: float, seeds: int, level: float = LEVEL) -> float:
    """Return the chance to show that one row is above another.

    Args:
        gap: True difference of the two.
        deviation: Of each row from seed to seed.
        seeds: Pairs of runs, at least two.
        level: Chance to see a gap that is not there, both sides together.
    """
    scatter = deviation * math.sqrt(2 / seeds)
    if not scatter:
        return float(gap != 0)
    half_widths = scatter * stats.t.ppf(1 - level / 2, seeds - 1) * _measured_ratios(seeds)
    return float(stats.norm.sf((half_widths - abs(gap)) / scatter).mean())


def same_power(gap: float, *, limit: float, deviation: float, seeds: int) -> float:
    """Return the chance to show, by two one-sided tests, that two rows differ by less than a limit.

    Args:
        gap: True difference of the two.
        limit: Points within which they count as the same.
        deviation: Of each row from seed to seed.
        seeds: Pairs of runs, at least two.
    """
    scatter = deviation * math.sqrt(2 / seeds)
    if not scatter:
        return float(abs(gap) < limit)
    half_widths = scatter * stats.t.ppf(1 - LEVEL, seeds - 1) * _measured_ratios(seeds)
    room = np.maximum(limit - half_widths, 0)
    above, below = (room - gap) / scatter, (-room - gap) / scatter
    return float((stats.norm.cdf(above) - stats.norm.cdf(below)).mean())


def seeds_needed(power: Callable[[int], float], *, most: int = MAX_SEEDS) -> int | None:
    """Return the fewest seeds of each row that have 80 % power; None for more than `most`.

    Args:
        power: Number of seeds to the power; more seeds never have less.
        most: Seeds to try.
    """
    if power(most) < POWER:
        return None
    few, enough = 1, most
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if power(middle) >= POWER else (middle, enough)
    return enough


def detectable_gap(*, deviation: float, seeds: int, level: float = LEVEL) -> float:
    """Return the smallest gap of two rows that this many seeds of each show with 80 % power.

    Args:
        deviation: Of each row from seed to seed.
        seeds: Of each row, at least two.
        level: Chance to see a gap that is not there, both sides together.
    """

    def lacking(gap: float) -> float:
        return better_power(gap, deviation=1, seeds=seeds, level=level) - POWER

    most = 4 * float(stats.t.ppf(1 - level / 2, seeds - 1))
    return deviation * float(optimize.brentq(lacking, 0, most))


def videos_needed(gap: float, *, disagreement: float, level: float = LEVEL) -> int:
    """Return the videos on which one run of each of two rows shows a gap between them.

    Args:
        gap: Between the rows; not zero.
        disagreement: Percent of the videos on which exactly one of the two is right.
        level: Chance to see a gap that is not there, both sides together.
    """
    return math.ceil(_required_effect(level) ** 2 * disagreement / 100 / (gap / 100) ** 2)


@cache
def _measured_ratios(seeds: int) -> Float[np.ndarray, " steps"]:
    """Return evenly likely ratios of a deviation measured on seeds to the true one."""
    shares = (np.arange(_STEPS) + 0.5) / _STEPS
    ratios: Float[np.ndarray, " steps"] = np.sqrt(stats.chi2.ppf(shares, seeds - 1) / (seeds - 1))
    return ratios


def _required_effect(level: float) -> float:
    """Return how many deviations a gap must have if its deviation is known."""
    return float(stats.norm.ppf(1 - level / 2) + stats.norm.ppf(POWER))
