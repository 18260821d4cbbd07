"""The words of an accuracy, each at its borders."""

import pytest
from scipy import stats

from harness.stats import row_verdict
from harness.stats.row_verdict import SeedDeviation

KNOWN = SeedDeviation(points=0.35, degrees=12, source="declared")
SCATTER = 0.35 * (1 / 3 + 1) ** 0.5
INNER, OUTER = (SCATTER * stats.t.ppf(share, 12) for share in (0.95, 0.975))


def judged(gap, *, seeds=3, margin=1.5, deviation=KNOWN):
    return row_verdict.accuracy_verdict(
        [80 + gap] * seeds, printed=80, margin=margin, deviation=deviation
    )


NEAR = 1e-6


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("gap", "margin", "word"),
    [
        (0, 1.5, "reproduced"),
        (1.5 - INNER - NEAR, 1.5, "reproduced"),
        (1.5 - INNER + NEAR, 1.5, "consistent, not confirmed"),
        (OUTER - NEAR, 1.5, "consistent, not confirmed"),
        (OUTER + NEAR, 1.5, "undecided"),
        (1.5 + OUTER - NEAR, 1.5, "undecided"),
        (1.5 + OUTER + NEAR, 1.5, "beyond"),
        (OUTER + NEAR, 2.0, "reproduced"),
    ],
)
def test_a_word_holds_up_to_its_border(gap, margin, word, sign):
    beyond = "higher" if sign > 0 else "lower"
    assert judged(sign * gap, margin=margin).word == (beyond if word == "beyond" else word)


def test_the_paper_scatters_too():
    verdict = judged(0.4)
    assert (verdict.low, verdict.high) == pytest.approx((0.4 - OUTER, 0.4 + OUTER))
    assert verdict.p == pytest.approx(stats.t.sf(1.1 / SCATTER, 12))
    assert judged(1.5 - INNER).p == pytest.approx(0.05)


def test_a_sentence_says_what_was_measured_and_what_would_decide():
    half = stats.t.ppf(0.975, 12) * 0.35 / 3**0.5
    assert judged(-0.3).sentence == (
        f"79.7 ± {half:.1f} (3 seeds), paper 80.0: same within ± 1.5; "
        "seeds deviate by 0.35, declared"
    )
    assert "lower by 1.6 to 3.4;" in judged(-2.5).sentence
    assert "higher by 1.6 to 3.4;" in judged(2.5).sentence
    wide = SeedDeviation(points=0.7, degrees=12, source="measured on 6 rows")
    assert (
        "nothing speaks against it; 1 more seed would decide"
        in judged(0.1, deviation=wide).sentence
    )
    assert "no number of seeds would decide" in judged(1.0, deviation=wide).sentence


def test_the_seeds_that_would_decide_do():
    wide = SeedDeviation(points=0.7, degrees=12, source="")
    assert judged(0.2, seeds=4, deviation=wide).word != "reproduced"
    assert "8 more seeds would decide" in judged(0.2, seeds=4, deviation=wide).sentence
    assert judged(0.2, seeds=11, deviation=wide).word != "reproduced"
    assert judged(0.2, seeds=12, deviation=wide).word == "reproduced"


@pytest.mark.parametrize("gap", [0.1 * step for step in range(16)])
def test_more_data_never_make_a_reproduced_number_undecided(gap):
    words = []
    for seeds in range(1, 30):
        # Rows that scatter by exactly what is declared.
        rows = [spread_by(0.35, seeds) for _ in range(4)]
        words.append(
            judged(gap, seeds=seeds, deviation=row_verdict.seed_deviation(rows, declared=0.35)).word
        )
    first = words.index("reproduced") if "reproduced" in words else len(words)
    assert set(words[first:]) <= {"reproduced"}


def spread_by(deviation, seeds):
    places = [place - (seeds - 1) / 2 for place in range(seeds)]
    own = (sum(place**2 for place in places) / max(seeds - 1, 1)) ** 0.5
    return [80 + place * deviation / (own or 1) for place in places]


def test_the_deviation_is_pooled_over_rows_with_several_seeds():
    rows = [[80, 81, 82], [70, 73, 76], [60], [50, 51, 52, 53, 54]]
    pooled = row_verdict.seed_deviation(rows, declared=0.35)
    assert pooled.points == pytest.approx(((2 * 1 + 2 * 9 + 4 * 2.5) / 8) ** 0.5)
    assert (pooled.degrees, pooled.source) == (8, "measured on 3 rows")


def test_few_seeds_do_not_replace_the_declared_deviation_unless_they_scatter_more():
    assert row_verdict.seed_deviation([[80], [81]], declared=0.35) == SeedDeviation(
        points=0.35, degrees=8, source="declared"
    )
    assert row_verdict.seed_deviation([[80, 80.1]], declared=0.35).source == "declared"
    scattered = row_verdict.seed_deviation([[80, 82]], declared=0.35)
    assert (scattered.points, scattered.degrees) == (pytest.approx(2**0.5), 8)
    assert scattered.source == "measured on 1 row"


def test_seeds_that_never_scatter_leave_no_doubt():
    still = row_verdict.seed_deviation([[80.0] * 5] * 4, declared=0.35)
    assert still.points == 0
    assert judged(1.4, deviation=still).word == "reproduced"
    assert judged(1.6, deviation=still).word == "higher"


@pytest.mark.parametrize(
    ("values", "ceiling", "text"),
    [
        ((49.2,), 50, "49.2 (1 seed)"),
        ((49.2, 49.2, 49.2), 50, "49.2 (49.2 to 49.2, 3 seeds)"),
        ((98.1, 97.9, 98.3), 50, "98.1 (97.9 to 98.3, 3 seeds)"),
        ((49.2, 87.9, 49.2), 50, "62.1 (49.2 to 87.9; 1 of 3 seeds above the 50 % ceiling)"),
        ((49.2, 87.9, 49.2), None, "62.1 (49.2 to 87.9, 3 seeds)"),
    ],
)
def test_a_range_claims_nothing_of_other_seeds(values, ceiling, text):
    assert row_verdict.range_text(values, ceiling=ceiling) == text


def test_states_have_no_number():
    for verdict in (
        row_verdict.not_run_verdict(),
        row_verdict.interrupted_verdict(),
        row_verdict.failed_verdict("out of memory"),
        row_verdict.stale_verdict(1, 3),
    ):
        assert verdict.estimate is verdict.low is verdict.high is verdict.p is None
    assert row_verdict.failed_verdict("out of memory").sentence == "out of memory"
    assert row_verdict.stale_verdict(1, 3).sentence.startswith(
        "1 of 3 records were made by other code"
    )


def test_missing_videos_are_said_with_what_they_might_change():
    assert row_verdict.coverage_verdict(correct=3900, scored=4900, listed=5000) is None
    refused = row_verdict.coverage_verdict(correct=3757, scored=4610, listed=5000)
    assert refused.word == "not comparable"
    assert refused.sentence == (
        "scored 4,610 of 5,000 videos; the whole list would give 75.1 to 82.9"
    )
    assert row_verdict.coverage_verdict(correct=0, scored=4899, listed=5000) is not None


def test_what_is_missing_is_said_of_a_comparable_number_too():
    said = row_verdict.coverage_text(correct=4000, scored=4950, listed=5000)
    assert said == "scored 4,950 of 5,000 videos; the whole list would give 80.0 to 81.0"
    assert row_verdict.coverage_text(correct=4000, scored=5000, listed=5000) == ""
    no_share = row_verdict.coverage_text(correct=None, scored=4950, listed=5000)
    assert no_share == "scored 4,950 of 5,000 videos"


def test_an_own_run_is_never_a_reproduction():
    found = row_verdict.own_verdict([81.5, 81.5])
    assert (found.word, found.estimate) == ("own run", None)
    assert "no estimate of the printed one" in found.sentence


def test_a_desk_accuracy_is_never_a_reproduction():
    assert row_verdict.desk_verdict([50.0, 51.0, 52.0]).word == "desk scale"
    assert row_verdict.desk_verdict([50.0]).sentence == (
        "50.0 (1 seed) measured at desk scale; no estimate of the printed one"
    )
