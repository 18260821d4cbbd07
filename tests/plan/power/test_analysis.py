"""What a plan can decide, claim by claim."""

from dataclasses import replace

import pytest

import experiments
from experiments.scales import desk, paper
from experiments.table_b import EXPERIMENT
from harness.experiment import Claim
from harness.plan import comparisons
from harness.plan.power.analysis import SeedSpread, analyze_power, seed_spread
from harness.plan.power.text import power_text
from harness.stats import power
from tests.test_record import made

DECLARED = SeedSpread(points=0.35, source="declared", is_measured=False)
FAMILY = 19


def of(experiment, *, seeds=3, scale="paper", rescale=None, family=FAMILY):
    return analyze_power(
        experiment,
        rescale=rescale or {"paper": paper, "desk": desk}[scale],
        scale=scale,
        seeds=seeds,
        test_videos=5_000,
        family=family,
        spread=DECLARED,
    )


def found(name, **how):
    return of(experiments.load(name), **how)


def words(name, **how):
    return [claim.word for claim in found(name, **how).claims]


def test_a_tenth_of_a_point_cannot_be_decided():
    best = found("table_b").claims[0]
    gap = best.gaps[0]
    assert best.word == "cannot be decided"
    assert (gap.printed, gap.gap, round(gap.videos, 6)) == ((81.5, 81.4), 0.1, 5.0)
    assert best.power < 0.05
    assert best.seeds_needed is None
    assert "80 % takes over 100" in " ".join(power_text(found("table_b")).split())


def test_three_points_take_more_than_three_seeds_after_holms_correction():
    better = found("table_b").claims[1]
    assert (better.word, better.gaps[0].gap) == ("cannot be decided", 3.5)
    assert better.seeds_needed == 4
    assert found("table_b", seeds=4).claims[1].word == "can be decided"


def test_sameness_is_planned_by_two_one_sided_tests():
    same = found("table_b").claims[2]
    expected = power.same_power(-0.1, limit=1, deviation=0.35, seeds=3)
    assert same.power == pytest.approx(expected)
    assert (same.word, same.seeds_needed) == ("cannot be decided", 4)
    assert found("table_b", seeds=4).claims[2].word == "can be decided"


def test_the_smallest_gaps_are_those_of_the_judges_test():
    analysis = found("table_b")
    assert analysis.smallest == power.detectable_gap(deviation=0.35, seeds=3)
    corrected = power.detectable_gap(deviation=0.35, seeds=3, level=0.05 / FAMILY)
    assert analysis.smallest_corrected == corrected


def test_a_single_seed_decides_nothing_of_others():
    analysis = found("table_b", seeds=1)
    assert analysis.smallest is None
    assert {claim.word for claim in analysis.claims} == {"cannot be decided"}
    assert "a single seed says nothing of others" in power_text(analysis)


@pytest.mark.slow
def test_a_trend_is_shown_step_by_step_and_the_best_with_all():
    best, trend = found("table_c").claims[:2]
    assert [gap.rows for gap in best.gaps] == [("α = 2", f"α = {alpha}") for alpha in (1, 4, 8)]
    steps = [("α = 1", "α = 2"), ("α = 2", "α = 4"), ("α = 4", "α = 8")]
    assert [gap.rows for gap in trend.gaps] == steps


def test_costs_are_counted_and_not_decided_by_seeds():
    assert set(words("table_i")) == {"counted, not run"}
    assert "nothing is trained" in power_text(found("table_i"))


@pytest.mark.parametrize(
    ("table", "row", "reason"),
    [
        ("activitynet", "TSN-Top3 Inception V3", "mean average precision has no interval here"),
        ("activitynet", "DSA+I3D R50", "mean average precision has no interval here"),
    ],
)
@pytest.mark.parametrize("scale", ["paper", "desk"])
def test_what_is_never_run_or_judged_can_never_be_decided(table, row, reason, scale):
    experiment = experiments.load(table)
    claims = [claim for claim in experiment.claims if row in claim.rows and claim.limit is None]
    analysis = of(replace(experiment, claims=tuple(claims)), seeds=50, scale=scale)
    told = [claim for claim in analysis.claims if reason in claim.reason]
    assert told
    assert {claim.word for claim in told} == {"never"}


def test_a_quoted_row_can_never_be_decided():
    claim = Claim(text="t", kind="better", rows=("DSA+I3D R50", "NL+GCN R50"))
    (planned,) = of(replace(experiments.load("something_v1"), claims=(claim,)), seeds=50).claims
    assert (planned.word, "is quoted from other work" in planned.reason) == ("never", True)


@pytest.mark.slow
def test_no_table_promises_a_decision_on_a_row_that_never_runs():
    for name in experiments.names():
        experiment = experiments.load(name)
        for claim, planned in zip(experiment.claims, found(name, seeds=50).claims, strict=True):
            rows = comparisons.rows_of(experiment, claim)
            if any(row.trial is None for row in rows) or claim.metric == "map":
                assert planned.word in ("never", "counted, not run")


def test_rows_at_a_proven_ceiling_are_not_decidable_at_desk_scale():
    shown = {claim.claim: claim for claim in found("table_h", scale="desk").claims}
    assert shown["SENet is better than I3D alone on R18"].word == "not decidable at desk scale"
    assert shown["DSA is better than SENet on R18"].word == "decided if all seeds learn"
    alone = {claim.word for claim in found("table_h", scale="desk", seeds=1).claims}
    assert alone == {"cannot be decided", "not decidable at desk scale"}
    assert "can reach 50 % at most" in shown["DSA is better than SENet on R18"].reason


def test_printed_gaps_do_not_apply_at_desk_scale():
    best = found("table_b", scale="desk").claims[0]
    assert (best.word, best.gaps, best.power) == ("open", (), None)


def test_a_claim_that_the_scale_folds_is_not_testable():
    def folded(trial):
        blocks = dict.fromkeys(trial.model.blocks, (1,))
        return replace(desk(trial), model=replace(desk(trial).model, blocks=blocks))

    table = experiments.load("table_f")
    assert {claim.word for claim in of(table, scale="desk", rescale=folded).claims} == {
        "not testable at desk scale"
    }
    for scale in ("desk", "paper"):
        assert "not testable at desk scale" not in words("table_f", scale=scale)


def test_a_claim_of_a_row_without_a_printed_figure_says_so():
    claim = replace(EXPERIMENT.claims[1], rows=("DSA at II", "TSN R50 (2D)"))
    (only,) = of(replace(EXPERIMENT, claims=(claim,))).claims
    assert (only.word, only.reason, only.gaps) == ("cannot be decided", "nothing printed", ())


def test_a_claim_on_another_metric_is_planned_by_its_own_figures():
    claims = tuple(replace(claim, metric="top5") for claim in EXPERIMENT.claims[:2])
    best, better = of(replace(EXPERIMENT, claims=claims)).claims
    assert better.gaps[0].printed == (95.2, 93.9)
    assert best.gaps[0].printed == (95.2, 95.4)


def test_flat_is_no_proof_of_equality():
    flat = replace(EXPERIMENT.claims[0], kind="trend", trend="flat")
    (only,) = of(replace(EXPERIMENT, claims=(flat,)), seeds=50).claims
    assert (only.word, only.seeds_needed) == ("never", None)


def test_gaps_beyond_all_percent_are_not_promised():
    analysis = replace(found("table_b", seeds=2), smallest=301.0)
    assert "show a gap of over 100 points" in power_text(analysis)


def test_no_number_of_seeds_shows_a_gap_of_zero():
    rows = tuple(replace(row, published={"top1": 81.5}) for row in EXPERIMENT.rows)
    better = of(replace(EXPERIMENT, rows=rows)).claims[1]
    assert (better.word, better.seeds_needed) == ("cannot be decided", None)


def test_the_spread_is_pooled_over_rows_and_assumed_without_records():
    trials = [desk(row.trial) for row in EXPERIMENT.rows[2:4]]
    values = {(0, 0): 50.0, (0, 1): 52.0, (1, 0): 90.0, (1, 1): 91.0, (1, 2): 92.0}
    records = [
        made(replace(trials[row], seed=seed), top1=top1) for (row, seed), top1 in values.items()
    ]
    spread = seed_spread(EXPERIMENT, records, rescale=desk, test_videos=480)
    assert (spread.points, spread.is_measured) == (pytest.approx((4 / 3) ** 0.5), True)
    assert spread.source == "measured: 5 records of 2 rows"
    single = seed_spread(EXPERIMENT, records[:1], rescale=desk, test_videos=5000)
    assert (round(single.points, 2), single.is_measured) == (0.36, False)


@pytest.mark.parametrize("name", experiments.names())
def test_more_seeds_never_decide_less(name):
    few, many = words(name, seeds=5), words(name, seeds=50)
    for one, other in zip(few, many, strict=True):
        assert one != "can be decided" or other == "can be decided"
