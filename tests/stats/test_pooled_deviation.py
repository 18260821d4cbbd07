"""A deviation pooled over the rows of a table: would claims judged by it hold what they say?

Seeds of rows scatter unequally. Prints the figures that docs/statistics.md quotes:

    python -m pytest tests/stats/test_pooled_deviation.py -n 0 -s
"""

import numpy as np
import pytest
from scipy import stats

from harness.stats import power

TABLES = 20_000
LEVEL = power.LEVEL
GAPS = (0, 2.3, 4.6)  # in deviations of a row; of two unequal rows, of their quadratic mean
ROWS = {
    "six equal rows": (1, 1, 1, 1, 1, 1),
    "0.25 to 0.43 points, as expected of seeds": (0.43, 0.394, 0.358, 0.322, 0.286, 0.25),
    "one row scatters twice as much": (2, 1, 1, 1, 1, 1),
    "one row scatters three times as much": (3, 1, 1, 1, 1, 1),
    "four of six rows near their top": (1, 1, 0.2, 0.2, 0.2, 0.2),
}


def shown(deviations, *, seeds, pair):
    """Return how often each rule shows a difference of two rows, in percent, by gap."""
    scatter = np.array(deviations, dtype=float)
    runs = np.random.default_rng(8).normal(size=(TABLES, len(scatter), seeds)) * scatter[:, None]
    variances = runs.var(axis=2, ddof=1)
    unit = np.sqrt((scatter[list(pair)] ** 2).mean())
    first, second = pair
    leads = runs[:, first] - runs[:, second]
    lead, own = leads.mean(axis=1), variances[:, [first, second]] / seeds
    rules = {
        "paired": (leads.std(axis=1, ddof=1) / seeds**0.5, seeds - 1),
        "pooled": (
            np.sqrt(2 * variances.mean(axis=1) / seeds),
            len(scatter) * (seeds - 1),
        ),
        "welch": (
            np.sqrt(own.sum(axis=1)),
            own.sum(axis=1) ** 2 / (own**2 / (seeds - 1)).sum(axis=1),
        ),
    }
    return {
        name: [100 * float((np.abs(lead + gap * unit) > error * quantile).mean()) for gap in GAPS]
        for name, (error, free) in rules.items()
        for quantile in [stats.t.ppf(1 - LEVEL / 2, free)]
    }


def noisiest(deviations):
    return tuple(np.argsort(-np.array(deviations), kind="stable")[:2])


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("name", ROWS)
def test_a_pooled_deviation_shows_gaps_that_are_not_there_where_rows_scatter_unequally(name, seeds):
    found = shown(ROWS[name], seeds=seeds, pair=noisiest(ROWS[name]))
    print(f"\n{name}, {seeds} seeds, gaps of {GAPS}")
    for rule, percent in found.items():
        print(f"  {rule}: {', '.join(f'{share:.1f} %' for share in percent)}")
    assert found["paired"][0] == pytest.approx(5, abs=0.7)
    assert found["welch"][0] < 6.5
    is_equal = len(set(ROWS[name])) == 1
    assert (found["pooled"][0] < 6) is is_equal


def test_a_pooled_deviation_hides_gaps_of_quiet_rows():
    found = shown(ROWS["four of six rows near their top"], seeds=3, pair=(4, 5))
    print(f"\ntwo of the four near their top, 3 seeds: {found}")
    assert found["pooled"][2] < found["paired"][2] < found["welch"][2]


def test_the_paired_rule_has_the_power_that_is_planned():
    found = shown(ROWS["six equal rows"], seeds=3, pair=(0, 1))["paired"]
    for gap, percent in zip(GAPS[1:], found[1:], strict=True):
        promised = power.better_power(gap, deviation=1, seeds=3)
        assert percent == pytest.approx(100 * promised, abs=1)
