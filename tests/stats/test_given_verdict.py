"""Verdicts of one given network: coverage first, then the interval over videos."""

import numpy as np
import pytest

from harness.stats.given_verdict import given_verdict, video_interval
from harness.stats.verdict import Verdict


def judged(right, of, *, printed, scale="paper", listed=None) -> Verdict:
    interval = video_interval(np.arange(of) < right)
    return given_verdict(
        interval.mean,
        interval,
        scale=scale,
        printed=printed,
        margin=1.5,
        scored=of,
        listed=listed or of,
    )


@pytest.mark.parametrize(
    ("right", "of", "printed", "word"),
    [
        (4000, 5000, 80.2, "reproduced"),
        (4000, 5000, 84.0, "lower"),
        (4000, 5000, 76.0, "higher"),
        (80, 100, 81.0, "consistent, not confirmed"),
        (4000, 5000, 81.9, "undecided"),
        (4000, 5000, None, "nothing printed"),
    ],
)
def test_an_accuracy_is_judged_by_its_interval_over_videos(right, of, printed, word):
    verdict = judged(right, of, printed=printed)
    assert verdict.word == word
    assert "one given network" in verdict.sentence
    assert "1 seed" not in verdict.sentence


def test_the_interval_is_that_of_a_share_of_videos():
    low, high = video_interval(np.arange(400) < 320).outer
    assert (low, high) == pytest.approx((76.1, 83.9), abs=0.4)


@pytest.mark.parametrize("of", [1, 3, 10, 37])
def test_no_end_of_an_interval_is_below_zero(of):
    texts = [str(video_interval(np.arange(of) < right)) for right in range(of + 1)]
    assert not [text for text in texts if "-" in text]


def test_too_few_videos_are_not_comparable_whatever_the_number():
    verdict = judged(3920, 4895, printed=80.1, listed=5000)
    assert verdict.word == "not comparable"
    assert "scored 4,895 of 5,000 videos" in verdict.sentence
    assert "would give 78.4 to 80.5" in verdict.sentence


def test_missing_videos_are_told_where_a_comparison_is_allowed():
    assert "scored 4,950 of 5,000" in judged(3960, 4950, printed=80.0, listed=5000).sentence


@pytest.mark.parametrize(("scale", "word"), [("desk", "desk scale"), ("own", "own run")])
def test_other_data_are_no_estimate_of_the_printed_number(scale, word):
    verdict = judged(80, 100, printed=80.0, scale=scale)
    assert verdict.word == word
    assert "no estimate of the printed" in verdict.sentence


def test_average_precision_has_no_interval():
    verdict = given_verdict(
        50.0, None, scale="paper", printed=50.0, margin=1.5, scored=100, listed=100
    )
    assert verdict.word == "undecided"
    assert "without an interval" in verdict.sentence
