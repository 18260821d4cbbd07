"""Tables with a known truth: how often intervals hold it, and how often words are wrong.

Prints its figures, which docs/statistics.md quotes:

    python -m pytest tests/stats/test_simulation.py -n 0 -s
"""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from harness.stats import claim_verdict, resampling, row_verdict
from harness.stats.paired import holm, paired_difference

pytestmark = pytest.mark.slow
TABLES = 1000
VIDEOS = 480
SEEDS = 3


def row(rng, easy, *, better=0.0, own=0.0, seeds_sd=0.0, seeds=SEEDS):
    """Run a network: each video has its chance, each network its own taste, each seed its luck."""
    taste = own * rng.uniform(-1, 1, len(easy))
    luck = seeds_sd * rng.uniform(-1, 1, (seeds, 1)) * 3**0.5
    return rng.random((seeds, len(easy))) < easy + better + taste + luck


def tables(rng, *, gaps, **scatter) -> Iterator[np.ndarray]:
    """Draw tables of one row per gap, on new videos each time; all chances stay within 0 and 1."""
    for _ in range(TABLES):
        easy = rng.uniform(0.35, 0.6, VIDEOS)
        yield np.array([row(rng, easy, better=gap, **scatter) for gap in gaps])


SCATTERS = {
    "seeds differ by their guesses alone": {"own": 0.0, "seeds_sd": 0.0},
    "seeds differ as much as videos": {"own": 0.2, "seeds_sd": 0.02},
    "seeds differ most": {"own": 0.05, "seeds_sd": 0.06},
}


@pytest.mark.parametrize("name", SCATTERS)
def test_intervals_of_a_difference_hold_the_truth(name):
    held = plain = 0
    for first, second in tables(np.random.default_rng(1), gaps=(0.05, 0.0), **SCATTERS[name]):
        found = paired_difference(first, second)
        held += found.low <= 5 <= found.high
        plain += inside(*resampled_seeds(first.astype(float) - second), 5)
    print(f"\n{name}: {held / TABLES:.1%} held, resampling seeds {plain / TABLES:.1%}")
    assert 0.93 <= held / TABLES <= 0.97


def resampled_seeds(gaps, draws=200):
    """Resample seeds as well as videos, as is often done: too narrow where seeds are few."""
    rng = np.random.default_rng(0)
    seeds, videos = (rng.integers(count, size=(draws, count)) for count in gaps.shape)
    return np.quantile(
        100 * gaps[seeds[:, :, None], videos[:, None]].mean(axis=(1, 2)), [0.025, 0.975]
    )


def inside(low, high, truth):
    return low <= truth <= high


def test_false_support_is_rare_in_a_table():
    """Four equal rows, three claims that the first is better."""
    wrong = reversed_ = 0
    scatter = SCATTERS["seeds differ as much as videos"]
    for first, *others in tables(np.random.default_rng(2), gaps=(0,) * 4, **scatter):
        gaps = [paired_difference(first, other) for other in others]
        ps = [gap.p for gap in gaps]
        # Holm only raises p, and takes a tenth of a second.
        adjusted = holm(ps) if min(ps) < claim_verdict.LEVEL else ps
        words = {
            claim_verdict.judge_better(gap, p=p).word for gap, p in zip(gaps, adjusted, strict=True)
        }
        wrong += "supported" in words
        reversed_ += "reversed" in words
    print(f"\nfalse supported {wrong / TABLES:.1%}, reversed {reversed_ / TABLES:.1%} of tables")
    assert wrong / TABLES < 0.05
    assert reversed_ / TABLES < 0.05


def test_best_and_trend_of_equal_rows():
    """The true best is not left out, and equal rows show no shape."""
    out = shaped = 0
    scatter = SCATTERS["seeds differ as much as videos"]
    for right in tables(np.random.default_rng(3), gaps=(0,) * 4, **scatter):
        means, drawn = 100 * right.mean(axis=(1, 2)), resampling.draw_accuracies(right)
        out += claim_verdict.judge_best(means, drawn, "abcd", seeds=SEEDS).word == "not the best"
        found = claim_verdict.judge_trend(means, drawn, "abcd", claimed="flat", seeds=SEEDS)
        shaped += found.word != "flat within noise"
    print(f"\nbest left out {out / TABLES:.1%}, a shape in equal rows {shaped / TABLES:.1%}")
    assert out / TABLES < 0.05
    assert shaped / TABLES < 0.05


@pytest.mark.parametrize(("rows", "seeds"), [(4, 3), (8, 2), (3, 5)])
def test_intervals_of_a_cell_hold_the_truth(rows, seeds):
    """A table, and the paper's single run of its first row, drawn alike."""
    rng = np.random.default_rng(4)
    runs = rng.normal(80, 0.43, (TABLES, rows, seeds))
    papers = rng.normal(79.7, 0.43, TABLES)
    held = 0
    for table, printed in zip(runs, papers, strict=True):
        deviation = row_verdict.seed_deviation(table)
        found = row_verdict.accuracy_verdict(
            table[0], printed=printed, margin=1.5, deviation=deviation
        )
        held += found.low <= 0.3 <= found.high
    print(f"\n{rows} rows of {seeds} seeds: {held / TABLES:.1%} held")
    assert 0.93 <= held / TABLES <= 0.97


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_a_network_beyond_the_margin_is_rarely_called_reproduced(seeds):
    """Two one-sided tests at 5 %, at the border of the margin."""
    rng = np.random.default_rng(5)
    deviation = row_verdict.SeedDeviation(points=0.35, degrees=1000, source="")
    runs = rng.normal(80, 0.35, (TABLES, seeds))
    papers = rng.normal(81.5, 0.35, TABLES)
    wrong = sum(
        row_verdict.accuracy_verdict(row, printed=paper, margin=1.5, deviation=deviation).word
        == "reproduced"
        for row, paper in zip(runs, papers, strict=True)
    )
    print(f"\n{seeds} seeds: {wrong / TABLES:.1%} called reproduced at the border")
    assert wrong <= stats.binom.ppf(0.999, TABLES, 0.05)
