"""Accuracies of rows, drawn again as other seeds and other videos would have given them.

A draw has a part of the seeds and a part of the videos. Videos are resampled with replacement, in
clusters where some belong together, and all rows and seeds see the same ones. Of seeds there are
too few to resample: the spread of three, resampled, is too narrow by far. Their part is Student's
t around the mean, the same seed in all rows. What scatters over seeds within a video is in the
spread of the seeds already, so it is taken out of that of the videos.

Axes: R rows, S seeds, N videos, C clusters of videos, D draws. Accuracies are in percent.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

Correct = Bool[np.ndarray, "R S N"]
Clusters = Int[np.ndarray, " N"]
Draws = Float[np.ndarray, "D R"]
Table = Float[np.ndarray, "R S C"]
QUARTER = 5_000
_SEED = 20210512


def draws(correct: Correct, *, clusters: Clusters | None = None) -> Draws:
    """Draw the accuracy of every row, again and again; equal input gives equal draws.

    Args:
        correct: Whether a video was classified correctly, the same seeds and videos in each row.
        clusters: Number of the cluster of each video; each on its own by default.
    """
    table = correct.astype(float)
    return around(table if clusters is None else clustered(table, clusters))


def clustered(values: Float[np.ndarray, "R S N"], clusters: Clusters) -> Table:
    """Gather videos: the mean over clusters stays the mean over videos, whatever their sizes."""
    _, place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    means = values.mean(axis=-1, keepdims=True)
    belongs = place == np.arange(len(sizes))[:, None]
    table: Table = (values - means) @ belongs.T * len(sizes) / len(clusters) + means
    return table


def around(table: Table) -> Draws:
    """Draw means around those of a table; of the negated table, they are exactly the negated ones.

    Args:
        table: Share of correct videos, or a difference of shares.
    """
    seeds, videos = _seed_part(table), _video_part(table)
    mirrored = -_video_part(-table)
    parts = [s + v for s in (seeds, -seeds) for v in (videos, mirrored)]
    drawn: Draws = 100 * (table.mean(axis=(1, 2)) + np.concatenate(parts))
    return drawn


def _seed_part(table: Table) -> Draws:
    """Draw Student's t with the covariance of the rows over seeds; nothing from one seed."""
    means = table.mean(axis=2)
    seeds = means.shape[1]
    if seeds == 1:
        return np.zeros((QUARTER, len(table)))
    rng = np.random.default_rng(_SEED)
    spread = (means - means.mean(axis=1, keepdims=True)) / np.sqrt(seeds * (seeds - 1))
    # Chi-squared at even steps: its tail, where the interval ends, is not left to chance.
    steps = stats.chi2.ppf((np.arange(QUARTER) + 0.5) / QUARTER, seeds - 1)
    heavy = np.sqrt((seeds - 1) / rng.permutation(steps))
    drawn: Draws = heavy[:, None] * (rng.standard_normal((QUARTER, seeds)) @ spread.T)
    return drawn


def _video_part(table: Table) -> Draws:
    """Resample videos; equal ones are drawn together, as one count."""
    rng = np.random.default_rng(_SEED + 1)
    videos = table.shape[2]
    kinds, counts = np.unique(table.mean(axis=1), axis=1, return_counts=True)
    effects = kinds - table.mean(axis=(1, 2))[:, None]
    shares = rng.multinomial(videos, counts / videos, size=QUARTER) / videos
    drawn: Draws = shares @ (_without_noise(table) @ effects).T
    return drawn


def _without_noise(table: Table) -> Float[np.ndarray, "R R"]:
    """Return what shrinks the effects of videos to those that all seeds share."""
    _, seeds, videos = table.shape
    if seeds == 1:
        return np.eye(len(table))
    means = table.mean(axis=1, keepdims=True)
    noise = table - means
    noise = (noise - noise.mean(axis=2, keepdims=True)).reshape(len(table), -1)
    noise_cov = noise @ noise.T / ((seeds - 1) * (videos - 1))
    whole = np.cov(means[:, 0]).reshape(len(table), len(table))
    shrink: Float[np.ndarray, "R R"] = _root(whole - noise_cov / seeds) @ np.linalg.pinv(
        _root(whole), hermitian=True
    )
    return shrink


def _root(matrix: Float[np.ndarray, "R R"]) -> Float[np.ndarray, "R R"]:
    """Return the square root of a covariance; what is negative by chance becomes zero."""
    values, vectors = np.linalg.eigh(matrix)
    root: Float[np.ndarray, "R R"] = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    return root
