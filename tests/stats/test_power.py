"""The planning figures, against noncentral t and against simulated differences."""

import numpy as np
import pytest
from scipy import stats

from harness.stats import power


def exact(gap, deviation, seeds, level=0.05):
    """Return the power of a paired t-test, from the noncentral t distribution."""
    free, shift = seeds - 1, gap / (deviation * (2 / seeds) ** 0.5)
    return stats.nct.sf(stats.t.ppf(1 - level / 2, free), free, shift)


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
@pytest.mark.parametrize("level", [0.05, 0.05 / 19])
def test_the_power_of_better_is_that_of_a_paired_t_test(seeds, level):
    for gap in (0.3, 0.8, 1.6, 3.5):
        found = power.better_power(gap, deviation=0.35, seeds=seeds, level=level)
        assert found == pytest.approx(exact(gap, 0.35, seeds, level), abs=0.005)


@pytest.mark.parametrize(
    ("gap", "seeds", "chance"), [(0.8, 3, 0.35), (1.6, 3, 0.79), (0.8, 5, 0.77)]
)
def test_three_seeds_show_less_than_a_known_deviation_promises(gap, seeds, chance):
    assert power.better_power(gap, deviation=0.35, seeds=seeds) == pytest.approx(chance, abs=0.005)


@pytest.mark.parametrize(("gap", "limit"), [(0.0, 1.0), (0.1, 1.0), (0.9, 1.0), (-0.9, 1.0)])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_power_of_same_is_that_of_two_one_sided_tests(gap, limit, seeds):
    runs = gap + 0.35 * 2**0.5 * np.random.default_rng(0).normal(size=(20_000, seeds))
    half = stats.t.ppf(0.95, seeds - 1) * runs.std(axis=1, ddof=1) / seeds**0.5
    share = (abs(runs.mean(axis=1)) + half < limit).mean()
    found = power.same_power(gap, limit=limit, deviation=0.35, seeds=seeds)
    assert found == pytest.approx(share, abs=0.015)


def test_seeds_that_never_differ_show_every_gap():
    assert power.better_power(0.1, deviation=0, seeds=2) == 1
    assert power.better_power(0, deviation=0, seeds=2) == 0
    assert power.same_power(0.9, limit=1, deviation=0, seeds=2) == 1
    assert power.same_power(1.0, limit=1, deviation=0, seeds=2) == 0


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_detectable_gap_has_the_power_that_it_promises(seeds):
    for level in (0.05, 0.05 / 19):
        gap = power.detectable_gap(deviation=0.35, seeds=seeds, level=level)
        assert exact(gap, 0.35, seeds, level) == pytest.approx(0.8, abs=0.005)


def test_the_seeds_needed_are_the_first_with_enough_power():
    def of(seeds):
        return power.better_power(0.8, deviation=0.35, seeds=seeds)

    needed = power.seeds_needed(of)
    assert of(needed - 1) < 0.8 <= of(needed)
    assert power.seeds_needed(of, most=needed - 1) is None
    assert power.seeds_needed(lambda seeds: float(seeds >= 2)) == 2


@pytest.mark.parametrize(
    ("accuracy", "videos", "points"),
    [(81.5, 5000, 0.35), (78.2, 19_796, 0.191), (50, 11_522, 0.379), (100, 5000, 0.081)],
)
def test_the_expected_deviation_is_that_of_the_data_at_hand(accuracy, videos, points):
    assert power.expected_deviation(accuracy, videos) == pytest.approx(points, abs=0.001)


@pytest.mark.parametrize(("disagreement", "videos"), [(6, 470_000), (10, 785_000), (14, 1_100_000)])
def test_videos_that_one_run_each_needs(disagreement, videos):
    assert power.videos_needed(0.1, disagreement=disagreement) == pytest.approx(videos, rel=0.005)
