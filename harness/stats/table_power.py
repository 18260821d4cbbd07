"""Statistical power of claims over several rows, by simulating tables whose accuracies are known.

The simulated tables are judged by Student's t, as `harness.stats.claim_verdict` judges measured
ones. Accuracies are in percent, deviations in percent points. Axes: T tables, R rows, S seeds.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from harness.experiment import Trend
from harness.stats.claim_verdict import CONFIDENCE
from harness.stats.power import LEVEL
from harness.stats.resampling import HALF_DRAWS, student_weights

TABLES = 2000
RANKED_TABLES, _LOG_DRAWS = 500, 8
_NULL_TABLES = 20_000
_SEED = 20210512
Runs = Float[np.ndarray, "T R S"]


def simulate(
    accuracies: Sequence[float], *, deviation: float, seeds: int, tables: int = TABLES
) -> Runs:
    """Draw the runs of many tables; equal input gives equal runs.

    Args:
        accuracies: True accuracy of each row.
        deviation: Of each row from seed to seed.
        seeds: Of each row, at least two.
        tables: To draw.
    """
    noise = np.random.default_rng(_SEED).normal(size=(tables, len(accuracies), seeds))
    runs: Runs = np.asarray(accuracies)[:, None] + deviation * noise
    return runs


def holm_power(runs: Runs, pairs: Sequence[tuple[int, int]], *, family: int) -> list[float]:
    """Return the chance of every `better` claim to be supported after Holm's correction.

    Args:
        runs: Simulated.
        pairs: Rows of each claim, the better one first.
        family: Comparisons to correct for; those beyond `pairs` are taken as not supported.
    """
    ps = np.stack([_p_better(runs, first, second) for first, second in pairs], axis=1)
    order = np.argsort(ps, axis=1)
    steps = np.take_along_axis(ps, order, axis=1) * (family - np.arange(len(pairs)))
    adjusted = np.empty_like(ps)
    np.put_along_axis(adjusted, order, np.maximum.accumulate(steps, axis=1), axis=1)
    return [float(share) for share in (adjusted < LEVEL).mean(axis=0)]


def best_power(runs: Runs) -> float:
    """Return the chance of the first row to be alone in the top group."""
    runs = runs[:RANKED_TABLES]
    seeds = runs.shape[2]
    means = runs.mean(axis=2)
    spread = (runs - means[:, :, None]) / math.sqrt(seeds * (seeds - 1))
    noise = student_weights(seeds, log_draws=_LOG_DRAWS) @ spread.swapaxes(1, 2)
    out = [~_is_in_top_group(row, means, noise, spread) for row in range(1, runs.shape[1])]
    return float(np.logical_and.reduce(out).mean())


def _is_in_top_group(
    row: int,
    means: Float[np.ndarray, "T R"],
    noise: Float[np.ndarray, "T D R"],
    spread: Runs,
) -> Bool[np.ndarray, " T"]:
    """Return whether no row leads another by more than chance allows if that one is the best."""
    seeds = spread.shape[2]
    scatter = np.sqrt(np.square(spread - spread[:, [row]]).sum(axis=2))
    widths = np.maximum(stats.t.ppf(CONFIDENCE, seeds - 1) * scatter, 1e-12)
    leads = ((noise - noise[:, :, [row]]) / widths[:, None]).max(axis=2)
    by_chance = np.quantile(leads, CONFIDENCE, axis=1)[:, None]
    is_in: Bool[np.ndarray, " T"] = (means - means[:, [row]] <= by_chance * widths).all(axis=1)
    return is_in


def trend_power(runs: Runs, trend: Trend) -> float:
    """Return the chance that a rising, falling or peaked trend along the rows gets its word."""
    is_flat = _is_flat(runs)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, runs.shape[2] - 1)
    is_peak = _is_peak(runs, quantile)
    if trend == "peak":
        return float((is_peak & ~is_flat).mean())
    places = np.arange(runs.shape[1]) - (runs.shape[1] - 1) / 2
    slopes = np.einsum("r,trs->ts", places if trend == "rising" else -places, runs)
    return float(((_t(slopes) > quantile) & ~is_flat & ~is_peak).mean())


def _is_flat(runs: Runs) -> Bool[np.ndarray, " T"]:
    means = runs.mean(axis=2)
    pooled = np.sqrt(runs.var(axis=2, ddof=1).mean(axis=1) / runs.shape[2])
    flat: Bool[np.ndarray, " T"] = np.ptp(means, axis=1) <= pooled * _range_constant(
        *runs.shape[1:]
    )
    return flat


def _is_peak(runs: Runs, quantile: float) -> Bool[np.ndarray, " T"]:
    """Return whether an inner row is on top, and above both ends beyond chance."""
    top = runs.mean(axis=2).argmax(axis=1)
    is_inner = (top > 0) & (top < runs.shape[1] - 1)
    highest = np.take_along_axis(runs, top[:, None, None], axis=1)[:, 0]
    first, last = (_t(highest - runs[:, end]) > quantile for end in (0, -1))
    peak: Bool[np.ndarray, " T"] = is_inner & first & last
    return peak


def _p_better(runs: Runs, first: int, second: int) -> Float[np.ndarray, " T"]:
    """Return the two-sided p of a first row above a second; 1 where it is below."""
    lead = _lead(runs, first, second)
    # The judge counts draws, of which there are two for every half draw, and one draw more.
    p = 2 * stats.t.sf(lead, runs.shape[2] - 1) + 1 / HALF_DRAWS
    one_sided: Float[np.ndarray, " T"] = np.where(lead > 0, np.minimum(p, 1), 1)
    return one_sided


def _lead(runs: Runs, first: int, second: int) -> Float[np.ndarray, " T"]:
    return _t(runs[:, first] - runs[:, second])


def _t(values: Float[np.ndarray, "T S"]) -> Float[np.ndarray, " T"]:
    """Return Student's t of a mean over seeds."""
    scatter = values.std(axis=1, ddof=1) / math.sqrt(values.shape[1])
    t: Float[np.ndarray, " T"] = values.mean(axis=1) / np.maximum(scatter, 1e-12)
    return t


@cache
def _range_constant(rows: int, seeds: int) -> float:
    """Return how many deviations of a mean equal rows span at most, in 95 of 100 tables."""
    rng = np.random.default_rng(_SEED)
    ratios = np.sqrt(rng.chisquare(seeds - 1, _NULL_TABLES) / (seeds - 1))
    spans = np.ptp(rng.normal(size=(_NULL_TABLES, rows)), axis=1)
    return float(np.quantile(spans / ratios, CONFIDENCE))
