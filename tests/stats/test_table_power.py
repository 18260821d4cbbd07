"""The power of claims over several rows, at places where it is known."""

import pytest

from harness.stats import power, table_power

DEVIATION = 0.35


def runs(*accuracies, seeds=3):
    return table_power.simulate(accuracies, deviation=DEVIATION, seeds=seeds)


def test_a_single_comparison_has_the_power_of_its_pair():
    (alone,) = table_power.holm_power(runs(81.6, 80), [(0, 1)], family=1)
    assert alone == pytest.approx(power.better_power(1.6, deviation=DEVIATION, seeds=3), abs=0.03)


def test_comparisons_that_do_not_run_cost_power():
    (alone,) = table_power.holm_power(runs(81.6, 80), [(0, 1)], family=19)
    level = power.LEVEL / 19
    expected = power.better_power(1.6, deviation=DEVIATION, seeds=3, level=level)
    assert alone == pytest.approx(expected, abs=0.02)


def test_a_clear_comparison_helps_the_next_one():
    pairs = [(0, 1), (2, 3)]
    helped = table_power.holm_power(runs(99, 50, 80.8, 80, seeds=5), pairs, family=2)
    (alone,) = table_power.holm_power(runs(80.8, 80, seeds=5), [(0, 1)], family=2)
    assert helped[0] == 1
    assert helped[1] > alone + 0.05


def test_what_is_false_is_rarely_shown():
    assert table_power.holm_power(runs(80, 80), [(0, 1)], family=1)[0] < 0.05
    assert table_power.holm_power(runs(80, 90), [(0, 1)], family=1)[0] < 0.001
    assert table_power.best_power(runs(80, 80, 80, 80)) < 0.05
    assert table_power.trend_power(runs(80, 80, 80, 80), "peak") < 0.05


@pytest.mark.parametrize(
    ("accuracies", "trend"),
    [((80, 85, 90), "rising"), ((90, 85, 80), "falling"), ((80, 90, 80), "peak")],
)
def test_a_clear_shape_is_seen_and_no_other(accuracies, trend):
    clear = runs(*accuracies, seeds=5)
    shown = {name: table_power.trend_power(clear, name) for name in ("rising", "falling", "peak")}
    assert shown.pop(trend) > 0.94
    assert max(shown.values()) < 0.06


def test_a_clear_best_is_seen():
    assert table_power.best_power(runs(90, 80, 80)) > 0.99
    assert table_power.best_power(runs(80, 90, 80)) == 0
