"""Statistical power: the gaps that a number of seeds or videos can show, planned in advance.

Accuracies, gaps and deviations are in percent points, disagreement in percent of the videos.
"""

import math

from scipy import stats
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import proportion_confint

POWER = 0.8
LEVEL = 0.05
MAX_SEEDS = 1000


def wilson(correct: int, videos: int) -> tuple[float, float]:
    """Return the 95 % interval, in percent, of one run's accuracy over all such videos."""
    low, high = proportion_confint(correct, videos, alpha=LEVEL, method="wilson")
    return float(100 * low), float(100 * high)


def detectable_gap(
    *, deviation: float, seeds: int, power: float = POWER, level: float = LEVEL
) -> float:
    """Return the smallest gap of two rows that this many seeds of each are likely to show.

    Args:
        deviation: From seed to seed, known well, as from all rows of a table.
        seeds: Of each row.
        power: Chance to see the gap.
        level: Chance to see one that is not there, both sides together.
    """
    return _required_effect(power, level) * deviation * math.sqrt(2 / seeds)


def seeds_needed(
    gap: float, *, deviation: float, power: float = POWER, level: float = LEVEL
) -> int:
    """Return the seeds of each of two rows that a t-test needs to show a gap between them.

    Args:
        gap: Between the rows; not zero.
        deviation: From seed to seed.
        power: Chance to see the gap.
        level: Chance to see one that is not there, both sides together.
    """
    _check_gap(gap)
    effect = abs(gap) / deviation if deviation else math.inf
    seeds = max(2, math.ceil(2 * (_required_effect(power, level) / effect) ** 2))
    # A t-test needs a few more than this, and among very many they do not matter.
    while seeds < MAX_SEEDS and effect < MAX_SEEDS and _power(effect, seeds, level) < power:
        seeds += 1
    return seeds


def videos_needed(
    gap: float, *, disagreement: float, power: float = POWER, level: float = LEVEL
) -> int:
    """Return the videos on which one run of each of two rows shows a gap between them.

    Args:
        gap: Between the rows; not zero.
        disagreement: Percent of the videos on which exactly one of the two is right.
        power: Chance to see the gap.
        level: Chance to see one that is not there, both sides together.
    """
    _check_gap(gap)
    return math.ceil(_required_effect(power, level) ** 2 * disagreement / 100 / (gap / 100) ** 2)


def detectable_gap_of_videos(
    *, videos: int, disagreement: float, power: float = POWER, level: float = LEVEL
) -> float:
    """Return the smallest gap that one run of each of two rows is likely to show on these videos.

    Args:
        videos: The same ones for both.
        disagreement: Percent of the videos on which exactly one of the two is right.
        power: Chance to see the gap.
        level: Chance to see one that is not there, both sides together.
    """
    return 100 * _required_effect(power, level) * math.sqrt(disagreement / 100 / videos)


def _required_effect(power: float, level: float) -> float:
    """Return how many deviations a gap must have."""
    return float(stats.norm.ppf(1 - level / 2) + stats.norm.ppf(power))


def _power(effect: float, seeds: int, level: float) -> float:
    return float(TTestIndPower().power(effect, seeds, level))


def _check_gap(gap: float) -> None:
    if not gap:
        raise ValueError("a gap of 0 takes endless seeds and videos to see; ask for another one")
