"""The words of a claim, each at its borders."""

from fractions import Fraction

import numpy as np
import pytest

from harness.stats import claim_verdict
from harness.stats.paired import Difference

NO_DRAWS = np.zeros((100, 1))


def gap(estimate, low, high, *, inner=None, seeds=3, draws=NO_DRAWS):
    return Difference(
        estimate=estimate,
        low=low,
        high=high,
        inner=inner or (low, high),
        p=0.01,
        improvement=0.9,
        deviation=0.35 if seeds > 1 else None,
        disagreement=10.0,
        seeds=seeds,
        draws=draws,
    )


@pytest.mark.parametrize(
    ("estimate", "low", "high", "p", "printed", "word"),
    [
        (1.0, 0.01, 2.0, 0.049, None, "supported"),
        (1.0, 0.01, 2.0, 0.05, None, "inside the noise"),
        (1.0, 0.0, 2.0, 0.01, None, "inside the noise"),
        (-1.0, -2.0, 0.0, 0.01, None, "inside the noise"),
        (-1.0, -2.0, -0.01, 0.01, None, "reversed"),
        (-1.0, -2.0, -0.01, 0.06, None, "inside the noise"),
        (1.0, 0.01, 2.0, 0.01, 4.0, "supported"),
        (1.0, 0.01, 2.0, 0.01, 4.1, "supported, smaller than claimed"),
        (1.0, 0.01, 2.0, 0.01, 0.1, "supported"),
    ],
)
def test_better_has_four_words(estimate, low, high, p, printed, word):
    verdict = claim_verdict.judge_better(gap(estimate, low, high), p=p, printed=printed)
    assert (verdict.word, verdict.p, verdict.low) == (word, p, low)


def test_what_is_inside_the_noise_says_what_would_show_it():
    found = claim_verdict.judge_better(gap(0.2, -0.5, 0.9), p=0.5, printed=0.1).sentence
    assert "a gap of 0.1 needs 195 seeds of each or one run of each on 784,888 videos" in found
    family = claim_verdict.judge_better(gap(0.2, -0.5, 0.9), p=0.5, family=19, printed=1.0)
    assert "p = 0.500 after Holm over 19 comparisons" in family.sentence
    assert "a gap of 1.0 needs 8 seeds of each" in family.sentence
    none = claim_verdict.judge_better(gap(0, -1, 1), p=1, printed=0.0).sentence
    assert "no number of seeds shows a gap of 0" in none
    alone = claim_verdict.judge_better(gap(2, 0.5, 3.9, seeds=1), p=0.01, printed=0.1).sentence
    assert "1 seed, which says nothing of others" in alone
    assert "seeds of each" not in alone


def test_a_measured_gap_is_never_taken_for_the_claimed_one():
    sentence = claim_verdict.judge_better(gap(0.2, -0.5, 0.9), p=0.5).sentence
    assert "needs" not in sentence


def test_better_shows_the_probability_of_improvement_and_a_small_p():
    sentence = claim_verdict.judge_better(gap(3, 2, 4), p=0.0002).sentence
    assert sentence == (
        "difference +3.0 (+2.0 to +4.0, 3 seeds), p under 0.001, probability of improvement 0.90"
    )


@pytest.mark.parametrize(
    ("low", "high", "inner", "word"),
    [
        (-1.2, 1.2, (-0.99, 0.99), "same within ± 1"),
        (-1.2, 1.2, (-1.0, 0.9), "undecided"),
        (-1.2, 1.2, (-0.9, 1.0), "undecided"),
        (1.0, 3.0, (1.1, 2.9), "undecided"),
        (1.01, 3.0, (1.1, 2.9), "not the same"),
        (-3.0, -1.01, (-2.9, -1.1), "not the same"),
    ],
)
def test_same_has_three_words(low, high, inner, word):
    verdict = claim_verdict.judge_same(gap((low + high) / 2, low, high, inner=inner), limit=1.0)
    assert verdict.word == word


def test_same_has_the_p_of_two_one_sided_tests():
    drawn = np.linspace(-1, 1, 201)[:, None]
    assert claim_verdict.judge_same(gap(0, -1, 1, draws=drawn), limit=0.9).p == pytest.approx(
        12 / 202
    )


@pytest.mark.parametrize(
    ("first", "limit", "word"), [(1001, 0.1, "true"), (1002, 0.1, "false"), (900, 0.1, "true")]
)
def test_overhead_is_exact_arithmetic(first, limit, word):
    verdict = claim_verdict.judge_overhead(Fraction(first), Fraction(1000), limit=limit)
    assert verdict.word == word
    assert verdict.estimate == pytest.approx((first - 1000) / 10)


@pytest.mark.parametrize(
    ("first", "word"), [(16_499, "false"), (16_500, "true"), (17_499, "true"), (17_500, "false")]
)
def test_a_ratio_holds_to_the_printed_digit(first, word):
    assert claim_verdict.judge_ratio(Fraction(first), Fraction(10_000), limit=1.7).word == word


@pytest.mark.parametrize(
    ("counted", "printed", "word"),
    [
        (3.9, 3.92, "true"),
        (3.01, 3.92, "true as printed"),
        (3.9, 3.01, "true as counted"),
        (3.01, 3.01, "false"),
    ],
)
def test_a_ratio_says_whether_it_is_true_as_printed_or_as_counted(counted, printed, word):
    verdict = claim_verdict.judge_ratio(Fraction(counted), Fraction(1), limit=3.9, printed=printed)
    assert verdict.word == word
    assert f"{printed:.2f} times as printed" in verdict.sentence


def around(means, *, noise, draws=4000):
    rng = np.random.default_rng(3)
    means = np.array(means, float)
    return means, means + rng.normal(0, noise, (draws, len(means)))


@pytest.mark.parametrize(
    ("means", "noise", "word"),
    [
        ((80, 70, 71), 1, "best"),
        ((71, 70, 80), 1, "not the best"),
        ((80, 79.5, 70), 1, "in the top group"),
        ((79.5, 80, 70), 1, "in the top group"),
        ((80, 79.5, 80.2), 1, "undecided"),
    ],
)
def test_best_has_words(means, noise, word):
    verdict = claim_verdict.judge_best(*around(means, noise=noise), ("X", "Y", "Z"), seeds=3)
    assert verdict.word == word


def test_best_names_the_whole_top_group():
    found = claim_verdict.judge_best(*around((80, 80.5, 70), noise=1), ("X", "Y", "Z"), seeds=3)
    assert found.sentence.endswith("top group: Y, X (3 seeds)")
    assert found.sentence.startswith(f"X is best with probability {found.estimate:.2f};")
    assert 0.2 < found.estimate < 0.5


def test_the_top_group_is_no_verdict_if_all_rows_are_in_it():
    found = claim_verdict.judge_best(*around((80, 80.5, 80.2), noise=1), "XYZ", seeds=3)
    assert found.word == "undecided"
    assert "each of the 3 rows may be the best" in found.sentence


def test_a_row_with_two_modes_does_not_swallow_the_others():
    means = np.array([97.8, 91.6, 97.4, 62.2])
    noise = np.random.default_rng(3).standard_normal((4000, 4)) * (0.5, 0.5, 0.5, 18)
    found = claim_verdict.judge_best(means, means + noise, "abcd", seeds=3)
    assert found.word == "in the top group"
    assert "b" not in found.sentence.partition("top group: ")[2].split(" (")[0]


def test_rows_that_tie_share_the_first_place():
    means, drawn = np.array([80.0, 80.0]), np.full((10, 2), 80.0)
    assert claim_verdict.judge_best(means, drawn, ("X", "Y"), seeds=1).estimate == 0.5


@pytest.mark.parametrize(
    ("means", "claimed", "word", "said"),
    [
        ((70, 75, 80), "rising", "rising", "as claimed"),
        ((70, 75, 80), "peak", "rising", "the claim is peak"),
        ((80, 75, 70), "falling", "falling", "as claimed"),
        ((70, 80, 71), "peak", "peak at b", "as claimed"),
        ((70.0, 70.5, 70.2), "peak", "flat within noise", "the claim is peak"),
        ((70.0, 70.5, 70.2), "flat", "flat within noise", "as claimed"),
        ((80, 70, 80), "peak", "undecided", "the claim is peak"),
        ((70, 80, 80.1), "rising", "rising", "as claimed"),
    ],
)
def test_a_trend_has_a_shape(means, claimed, word, said):
    verdict = claim_verdict.judge_trend(
        *around(means, noise=1), ("a", "b", "c"), claimed=claimed, seeds=3
    )
    assert verdict.word == word
    assert verdict.sentence.startswith(f"{said};")


def test_rows_are_flat_up_to_what_noise_alone_would_span():
    _, drawn = around((70, 70, 70), noise=1)
    spans = np.ptp(drawn - 70, axis=1)
    for share, word in ((0.93, "flat within noise"), (0.97, "rising")):
        means = 70 + np.array([0, 0.5, 1]) * np.quantile(spans, share)
        shape = claim_verdict.judge_trend(
            means, drawn - 70 + means, "abc", claimed="rising", seeds=3
        ).word
        assert shape == word


def test_an_order_stands_beside_its_noise_ceiling():
    clear = claim_verdict.judge_trend(
        *around((70, 75, 80), noise=1), "abc", claimed="rising", seeds=3
    )
    assert "τ +1.00 along the rows, +1.00 between repeats" in clear.sentence
    noise = claim_verdict.judge_trend(
        *around((70, 70.1, 70.2), noise=5), "abc", claimed="rising", seeds=3
    )
    assert "τ +1.00 along the rows, -0.01 between repeats" in noise.sentence
