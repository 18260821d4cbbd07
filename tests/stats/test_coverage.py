"""Missing videos: exact bounds, as published tables of them show."""

from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction

import pytest

from harness.stats.coverage import bounds, coverage_sentences, format_percent


@pytest.mark.parametrize(
    ("missing", "low", "high"),
    [
        (50, "80.68", "81.68"),
        (130, "79.38", "81.98"),
        (250, "77.42", "82.42"),
        (450, "74.16", "83.16"),
    ],
)
def test_bounds_of_81_5_on_what_is_left_of_5000(missing, low, high):
    present = 5000 - missing
    found = bounds(round(Fraction(815, 1000) * present), present, 5000)
    assert [str(float(each)) for each in found] == [low, high]
    assert low in coverage_sentences("test", present, 5000)
    assert high in coverage_sentences("test", present, 5000)


@pytest.mark.parametrize("correct", range(8))
def test_bounds_are_reached_when_all_that_is_missing_is_wrong_or_right(correct):
    low, high = bounds(correct, 7, 9)
    assert [low, high] == [Fraction(100 * (correct + more), 9) for more in (0, 2)]


def test_a_whole_list_has_no_bounds():
    assert bounds(3, 5, 5) == (60, 60)
    assert coverage_sentences("test", 5, 5) == (
        "test: 5 of 5 videos are good: an accuracy on them is one on the whole list."
    )


def test_coverage_is_a_range_not_a_distance():
    said = coverage_sentences("test", 4870, 5000)
    assert "4,870 of 5,000 videos are good (97.40 %)" in said
    assert "a range of 2.60 points, ± 1.30 about its middle" in said
    assert "3,969 right of 4,870 would be 79.38 to 81.98" in said


@pytest.mark.parametrize(("present", "comparable"), [(4900, True), (4899, False), (0, False)])
def test_under_98_percent_nothing_is_comparable(present, comparable):
    assert ("not comparable" not in coverage_sentences("test", present, 5000)) == comparable


def test_bounds_are_rounded_outward():
    third = Fraction(100, 3)
    assert (format_percent(third, ROUND_FLOOR), format_percent(third, ROUND_CEILING)) == (
        "33.33",
        "33.34",
    )
    assert format_percent(Fraction(50), ROUND_CEILING) == "50.00"
