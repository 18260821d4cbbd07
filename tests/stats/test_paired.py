"""Two rows on the same seeds and videos."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.stats import paired, resampling
from harness.stats.paired import exact_mcnemar, holm, paired_difference


def runs(rng, share, *, seeds=3, videos=200):
    return rng.random((seeds, videos)) < share


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_part_of_the_seeds_is_students_t(seeds, rng):
    gaps = rng.normal(0, 0.1, seeds)
    drawn = resampling.draw_means(np.tile(gaps[None, :, None], (1, 1, 50)))[:, 0]
    error = 100 * np.std(gaps, ddof=1) / seeds**0.5
    for share in (0.025, 0.05, 0.5, 0.95, 0.975):
        away = error * stats.t.ppf(share, seeds - 1)
        found = np.quantile(drawn, share) - 100 * gaps.mean()
        assert found == pytest.approx(away, rel=0.03, abs=0.01 * error)


def test_the_part_of_the_videos_is_their_binomial_scatter(rng):
    right = np.tile(rng.random(2000) < 0.7, (3, 1))
    drawn = resampling.draw_accuracies(right[None])
    share = right[0].mean()
    assert drawn.std() == pytest.approx(100 * (share * (1 - share) / 2000) ** 0.5, rel=0.03)
    assert drawn.mean() == pytest.approx(100 * share, abs=0.05)


def test_what_only_scatters_over_seeds_is_not_counted_twice(rng):
    """Every run guesses anew: the videos have nothing in common from seed to seed."""
    right = rng.random((40, 1, 400)) < 0.5
    drawn = resampling.draw_accuracies(np.swapaxes(right, 0, 1))
    assert drawn.std() == pytest.approx(100 * (0.25 / 400 / 40) ** 0.5, rel=0.25)


def test_rows_share_their_seeds_and_videos(rng):
    right = runs(rng, 0.6)
    drawn = resampling.draw_accuracies(np.array([right, right]))
    assert np.abs(drawn[:, 0] - drawn[:, 1]).max() < 1e-9


def test_swapped_rows_mirror_exactly(rng):
    first, second = runs(rng, 0.6), runs(rng, 0.7)
    one, other = paired_difference(first, second), paired_difference(second, first)
    assert one.estimate == pytest.approx(-other.estimate)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == other.p
    assert one.improvement == pytest.approx(1 - other.improvement)


def test_a_comparison_repeats_to_the_last_digit(rng):
    first, second = runs(rng, 0.6), runs(rng, 0.7)
    assert paired_difference(first, second) == paired_difference(first, second)


@pytest.mark.parametrize("rows", [1, 4])
def test_draws_do_not_hang_on_the_order_of_sums(rows, rng, monkeypatch):
    """Every processor has its own; two rows that agree have no variance between them."""
    table = np.array([runs(rng, 0.7) for _ in range(rows)]).astype(float)
    table[-1] = table[0]
    drawn, counts = resampling.draw_means(table), resampling._resampling_counts
    monkeypatch.setattr(resampling, "_resampling_counts", lambda videos: counts(videos)[:, ::-1])
    assert np.array_equal(resampling.draw_means(table[:, :, ::-1]), drawn)


def test_twins_count_as_one(rng):
    """Two copies of each video are no more evidence than one."""
    first, second = runs(rng, 0.6), runs(rng, 0.7)
    doubled = [np.repeat(right, 2, axis=1) for right in (first, second)]
    one = paired_difference(first, second)
    clusters = np.repeat(np.arange(200), 2)
    assert paired_difference(*doubled, clusters=clusters).high == pytest.approx(one.high, abs=0.15)
    assert paired_difference(*doubled).high < one.high


def test_unequal_clusters_keep_the_mean_over_videos(rng):
    values = rng.random((2, 3, 6))
    gathered = resampling.cluster_means(values, np.array([0, 0, 0, 1, 2, 2]))
    assert gathered.shape == (2, 3, 3)
    assert gathered.mean(axis=-1) == pytest.approx(values.mean(axis=-1))


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (3, 9), (1, 0), (40, 20)])
def test_mcnemar_is_the_exact_binomial_test(only_first, only_second):
    first = np.array([True] * only_first + [False] * only_second + [True] * 5)
    second = np.array([False] * only_first + [True] * only_second + [True] * 5)
    split = only_first + only_second
    expected = stats.binomtest(only_first, split).pvalue if split else 1.0
    assert exact_mcnemar(first, second) == pytest.approx(expected)
    assert paired_difference(first[None], second[None]).p == pytest.approx(expected)


@pytest.mark.slow
def test_holm_is_the_textbooks():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    ps = [0.001, 0.2, 0.012, 0.04, 0.9]
    assert holm(ps) == pytest.approx(multipletests(ps, method="holm")[1])
    assert holm([]) == []


def test_improvement_counts_every_pair_of_runs_and_draws_as_half():
    def share(*percents):
        return np.array([[True] * p + [False] * (100 - p) for p in percents])

    assert paired_difference(share(60, 70), share(60, 50)).improvement == pytest.approx(3.5 / 4)


def test_equivalence_is_the_larger_of_two_one_sided_tests(rng):
    gap = paired_difference(runs(rng, 0.6), runs(rng, 0.6))
    low, high = gap.inner
    limit = max(-low, high)
    assert paired.equivalence(gap, limit=limit) == pytest.approx(0.05, abs=0.001)
