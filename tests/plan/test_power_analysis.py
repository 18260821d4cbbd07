"""What a plan can decide; the figures of the first tests are known from elsewhere."""

from dataclasses import replace

import pytest

import experiments
from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness.plan import power_analysis
from harness.plan.power_analysis import SeedSpread
from harness.stats import power
from tests.test_record import made

DECLARED = SeedSpread(points=0.35, source="declared", is_measured=False)


def found(name, *, seeds=3, spread=DECLARED):
    return power_analysis.analyze_power(
        experiments.load(name), seeds=seeds, test_videos=5_000, spread=spread
    )


def test_a_tenth_of_a_point_cannot_be_decided():
    best = found("table_b").claims[0]
    gap = best.gaps[0]
    assert (best.word, gap.printed, gap.gap, round(gap.videos, 6)) == (
        "cannot be decided",
        (81.5, 81.4),
        0.1,
        5.0,
    )
    assert gap.seeds_needed == pytest.approx(194, abs=1)
    assert gap.videos_needed == pytest.approx(785_000, rel=0.001)
    assert "5 videos of 5,000; needs 194 seeds per row" in power_analysis.text(found("table_b"))


def test_three_points_can_be_decided():
    better = found("table_b").claims[1]
    assert (better.word, better.gaps[0].gap) == ("can be decided", 3.5)


def test_sameness_asks_for_its_limit():
    same = found("table_b").claims[2]
    assert (same.gaps[0].gap, same.gaps[0].printed) == (1.0, (81.4, 81.5))
    assert found("table_b", seeds=1).claims[2].word == "cannot be decided"


def test_the_smallest_gap_is_that_of_the_power_module():
    assert found("table_b").smallest == power.detectable_gap(deviation=0.35, seeds=3)
    assert round(found("table_b").smallest_one_run, 2) == 1.25


def test_a_trend_is_compared_step_by_step_and_the_best_with_all():
    best, trend = found("table_c").claims
    assert [gap.rows for gap in best.gaps] == [("α = 2", f"α = {alpha}") for alpha in (1, 4, 8)]
    steps = [("α = 1", "α = 2"), ("α = 2", "α = 4"), ("α = 4", "α = 8")]
    assert [gap.rows for gap in trend.gaps] == steps


def test_costs_are_counted_and_not_decided_by_seeds():
    assert {each.word for each in found("table_i").claims} == {"counted, not run"}
    assert "nothing is trained" in power_analysis.text(found("table_i"))


def test_a_claim_of_a_row_without_a_printed_figure_says_so():
    claim = replace(EXPERIMENT.claims[1], rows=("DSA at II", "TSN R50 (2D)"))
    table = replace(EXPERIMENT, claims=(claim,))
    only = power_analysis.analyze_power(table, seeds=3, test_videos=9, spread=DECLARED).claims[0]
    assert (only.word, only.gaps) == ("nothing printed", ())


def test_no_gap_needs_no_number_of_seeds():
    rows = tuple(replace(row, published={"top1": 81.5}) for row in EXPERIMENT.rows)
    same = replace(EXPERIMENT, rows=rows)
    said = power_analysis.analyze_power(same, seeds=3, test_videos=9, spread=DECLARED)
    assert said.claims[0].gaps[0].seeds_needed is None
    assert "the printed gap is zero" in power_analysis.text(said)


def test_the_spread_is_pooled_over_rows_and_declared_without_records():
    trials = [desk(row.trial) for row in EXPERIMENT.rows[2:4]]
    values = {(0, 0): 50.0, (0, 1): 52.0, (1, 0): 90.0, (1, 1): 91.0, (1, 2): 92.0}
    records = [
        made(replace(trials[row], seed=seed), top1=top1) for (row, seed), top1 in values.items()
    ]
    spread = power_analysis.seed_spread(EXPERIMENT, records, rescale=desk)
    assert (spread.points, spread.is_measured) == (pytest.approx((4 / 3) ** 0.5), True)
    assert spread.source == "measured: 5 records of 2 rows"
    single = power_analysis.seed_spread(EXPERIMENT, records[:1], rescale=desk)
    assert (single.points, single.is_measured) == (0.35, False)


@pytest.mark.parametrize("name", experiments.names())
def test_more_seeds_never_decide_less(name):
    few, many = found(name, seeds=1), found(name, seeds=50)
    for one, other in zip(few.claims, many.claims, strict=True):
        assert one.word != "can be decided" or other.word == "can be decided"
