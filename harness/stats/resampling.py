"""Accuracies of rows, redrawn as other seeds and other videos would have given them.

A draw has a part of the seeds and a part of the videos. Videos are resampled with replacement, in
clusters where some belong together, and all rows and seeds see the same ones. Of seeds there are
too few to resample: the spread of three, resampled, is too narrow by far. Their part is Student's
t around the mean, the same seed in all rows. What scatters over seeds within a video is in the
spread of the seeds already, so it is taken out of that of the videos.

Processors add up in different orders, and their last digits differ. So sums are of whole numbers
where there are many terms, and draws are rounded far above what is left.

Axes: R rows, S seeds, N videos, C clusters of videos, D draws. Accuracies are in percent.
"""

from functools import cache, lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import linalg, stats

Correct = Bool[np.ndarray, "R S N"]
Clusters = Int[np.ndarray, " N"]
Draws = Float[np.ndarray, "D R"]
Table = Float[np.ndarray, "R S C"]
_LOG_HALF_DRAWS = 12
HALF_DRAWS = 2**_LOG_HALF_DRAWS
_SEED = 20210512
_BLOCK = 512
_STEPS = 2.0**32  # of an effect; a sum over two million videos is still exact in 53 bits
_DUST = 1e-12  # of all variance: a direction with less has none


def draw_accuracies(correct: Correct, *, clusters: Clusters | None = None) -> Draws:
    """Draw the accuracy of every row, again and again; equal input gives equal draws.

    Args:
        correct: Whether a video was classified correctly, the same seeds and videos in each row.
        clusters: Number of the cluster of each video; each on its own by default.
    """
    table = correct.astype(float)
    return draw_means(table if clusters is None else cluster_means(table, clusters))


def cluster_means(values: Float[np.ndarray, "R S N"], clusters: Clusters) -> Table:
    """Gather videos: the mean over clusters stays the mean over videos, whatever their sizes."""
    _, place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    means = values.mean(axis=-1, keepdims=True)
    belongs = place == np.arange(len(sizes))[:, None]
    sums = values @ belongs.T
    table: Table = (sums - means * sizes) * len(sizes) / len(clusters) + means
    return table


def draw_means(table: Table) -> Draws:
    """Draw means around those of a table; of the negated table, they are exactly the negated ones.

    Args:
        table: Share of correct videos, or a difference of shares.
    """
    seeds, videos = _draw_seed_part(table), _draw_video_part(table)
    parts = np.concatenate([videos + seeds, videos - seeds])
    # Sums leave dust, which would tell 0 from 0, and one processor from another.
    draws: Draws = (100 * (table.mean(axis=(1, 2)) + parts)).round(4)
    return draws


def _draw_seed_part(table: Table) -> Draws:
    """Draw Student's t with the covariance of the rows over seeds; nothing from one seed."""
    means = table.mean(axis=2)
    seeds = means.shape[1]
    if seeds == 1:
        return np.zeros((HALF_DRAWS, len(table)))
    spread = (means - means.mean(axis=1, keepdims=True)) / np.sqrt(seeds * (seeds - 1))
    draws: Draws = student_weights(seeds) @ spread.T
    return draws


@cache
def student_weights(seeds: int, *, log_draws: int = _LOG_HALF_DRAWS) -> Float[np.ndarray, "D S"]:
    """Draw a weight for each seed, such that weighted deviations are Student's t.

    Args:
        seeds: At least two.
        log_draws: Binary logarithm of the number of draws.
    """
    # Even steps in radius and direction: the tail, where the interval ends, is not left to chance.
    even = stats.qmc.Sobol(seeds, rng=_SEED).random_base2(log_draws)
    free = seeds - 1
    radius = np.sqrt(free * stats.f.ppf(even[:, :1], free, free))
    direction = stats.norm.ppf(even[:, 1:])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    weights: Float[np.ndarray, "D S"] = radius * direction @ linalg.helmert(seeds)
    return weights


def _draw_video_part(table: Table) -> Draws:
    """Resample videos, with what all seeds say of them."""
    effects = (table.mean(axis=1) - table.mean(axis=(1, 2))[:, None]).T
    whole = np.rint(_STEPS * (effects @ _noise_shrinkage(table).T))
    counts = _resampling_counts(len(effects))
    blocks = [counts[at : at + _BLOCK].astype(float) @ whole for at in range(0, HALF_DRAWS, _BLOCK)]
    draws: Draws = np.concatenate(blocks) / (_STEPS * len(effects))
    return draws


@lru_cache(maxsize=1)
def _resampling_counts(videos: int) -> Int[np.ndarray, "D C"]:
    """Draw videos with replacement: how often each is in every draw."""
    rng = np.random.default_rng(_SEED)
    counts = np.empty((HALF_DRAWS, videos), np.uint16)
    for row in counts:
        row[:] = np.bincount(rng.integers(videos, size=videos), minlength=videos)
    return counts


def _noise_shrinkage(table: Table) -> Float[np.ndarray, "R R"]:
    """Return what shrinks the effects of videos to those that all seeds share."""
    _, seeds, videos = table.shape
    if seeds == 1:
        return np.eye(len(table))
    means = table.mean(axis=1, keepdims=True)
    noise = table - means
    noise = (noise - noise.mean(axis=2, keepdims=True)).reshape(len(table), -1)
    noise_cov = noise @ noise.T / ((seeds - 1) * (videos - 1))
    whole = np.cov(means[:, 0]).reshape(len(table), len(table))
    least = _DUST * np.trace(whole)
    root, _ = _matrix_roots(whole - noise_cov / seeds, least)
    _, inverse = _matrix_roots(whole, least)
    shrink: Float[np.ndarray, "R R"] = root @ inverse
    return shrink


def _matrix_roots(
    matrix: Float[np.ndarray, "R R"], least: float
) -> tuple[Float[np.ndarray, "R R"], Float[np.ndarray, "R R"]]:
    """Return the square root of a covariance, and its inverse where there is variance.

    Args:
        matrix: A covariance; what is negative by chance becomes zero.
        least: A variance that is not more than this is none.
    """
    values, vectors = np.linalg.eigh(matrix)
    kept = values > least
    roots = np.sqrt(np.where(kept, values, 1))
    return vectors * (kept * roots) @ vectors.T, vectors * (kept / roots) @ vectors.T
