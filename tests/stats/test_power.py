"""The planning figures, against tables that were worked out by simulation."""

import pytest

from harness.stats import power


def test_wilsons_interval_is_that_of_the_formula():
    z, p, n = 1.959963984540054, 0.815, 5000
    centre = (p + z**2 / 2 / n) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / 4 / n**2) ** 0.5
    expected = (100 * (centre - half), 100 * (centre + half))
    assert power.wilson(4075, 5000) == pytest.approx(expected, abs=1e-9)
    assert power.wilson(0, 10)[0] == 0


@pytest.mark.parametrize(("seeds", "gap"), [(1, 1.39), (2, 0.98), (3, 0.80), (5, 0.62), (10, 0.44)])
def test_more_seeds_show_smaller_gaps(seeds, gap):
    assert power.detectable_gap(deviation=0.35, seeds=seeds) == pytest.approx(gap, abs=0.005)


SEEDS = {
    0.1: (37, 100, 194, 292),
    0.2: (10, 26, 50, 74),
    0.3: (6, 12, 23, 34),
    0.5: (3, 6, 9, 13),
    1.0: (2, 3, 4, 5),
}


@pytest.mark.parametrize("gap", SEEDS)
def test_seeds_that_a_t_test_needs(gap):
    found = tuple(power.seeds_needed(gap, deviation=sd) for sd in (0.15, 0.25, 0.35, 0.43))
    assert found == SEEDS[gap]


@pytest.mark.parametrize(("gap", "deviation", "seeds"), [(0.01, 5, 3_924_440), (1, 0, 2)])
def test_endless_and_perfect_seeds_have_a_number_too(gap, deviation, seeds):
    assert power.seeds_needed(gap, deviation=deviation) == pytest.approx(seeds, rel=1e-4)


@pytest.mark.parametrize(
    ("disagreement", "videos", "gap"),
    [(6, 470_000, 1.0), (10, 785_000, 1.25), (14, 1_100_000, 1.5)],
)
def test_videos_that_one_run_each_needs(disagreement, videos, gap):
    assert power.videos_needed(0.1, disagreement=disagreement) == pytest.approx(videos, rel=0.005)
    shown = power.detectable_gap_of_videos(videos=5000, disagreement=disagreement)
    assert shown == pytest.approx(gap, abs=0.04)


def test_a_gap_of_nothing_is_refused():
    for needed in (
        lambda: power.seeds_needed(0, deviation=1),
        lambda: power.videos_needed(0, disagreement=1),
    ):
        with pytest.raises(ValueError, match="gap of 0"):
            needed()
