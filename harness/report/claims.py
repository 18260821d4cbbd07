"""Verdicts of claims: accuracies of several rows compared by statistics, costs by counts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from statistics import mean

from harness.cost import comparable
from harness.experiment import COSTS, Claim, Row
from harness.plan.comparisons import comparison_key
from harness.report.evidence import (
    are_comparable,
    claim_state,
    correct,
    measured_gap,
    scattered_seeds,
    with_scale,
)
from harness.report.preregistration import lateness
from harness.report.results import ComparedRecords, RowResult, TableResult
from harness.stats import resampling
from harness.stats.claim_verdict import (
    judge_best,
    judge_better,
    judge_overhead,
    judge_ratio,
    judge_same,
    judge_trend,
)
from harness.stats.paired import Difference, holm
from harness.stats.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class JudgedClaim:
    """A claim and its verdict.

    Attributes:
        claim: As the table declares it.
        word: The verdict.
        sentence: The verdict with its numbers.
        estimate: Difference, excess, ratio, probability or slope.
        low: Lower end of its 95 % interval.
        high: Upper end of it.
        p: Of a `better`, adjusted for the comparisons of all tables; of a `same`, unadjusted.
        is_post_hoc: True if it was not declared before its results.
        comparison: Key of what it compares, equal in all tables that compare the same trials; empty
            for claims that are not `better`.
    """

    claim: Claim
    word: str
    sentence: str
    estimate: float | None
    low: float | None
    high: float | None
    p: float | None
    is_post_hoc: bool
    comparison: str = ""


def judge_claims(table: TableResult) -> tuple[JudgedClaim, ...]:
    """Judge every claim of a table, in its order."""
    claims = table.experiment.claims
    accuracies = [claim for claim in claims if claim.metric not in COSTS]
    states = {claim: claim_state(table, claim) for claim in accuracies}
    measured = [claim for claim, state in states.items() if state is None]
    verdicts = {claim: state for claim, state in states.items() if state is not None}
    verdicts |= {claim: _judge_cost(table, claim) for claim in claims if claim.metric in COSTS}
    judged = _judge_accuracies(table, measured)
    verdicts |= {claim: _told(verdict, table, claim) for claim, verdict in judged.items()}
    remarks = {claim: lateness(table, claim) for claim in measured}
    return tuple(_judged(table, claim, verdicts[claim], remarks.get(claim, "")) for claim in claims)


def _told(verdict: Verdict, table: TableResult, claim: Claim) -> Verdict:
    """Return a verdict with its scale, and a remark on seeds that fail as a whole."""
    remark = scattered_seeds(table.of(claim)) if claim.metric == "top1" else ""
    sentence = "; ".join(filter(None, (verdict.sentence, remark)))
    return with_scale(replace(verdict, sentence=sentence), table)


def _judged(table: TableResult, claim: Claim, verdict: Verdict, remark: str) -> JudgedClaim:
    sentence = "; ".join(filter(None, (verdict.sentence, remark)))
    return JudgedClaim(
        claim=claim,
        is_post_hoc=bool(remark),
        comparison=_key(table, claim) if claim.kind == "better" else "",
        **asdict(replace(verdict, sentence=sentence)),
    )


def _judge_accuracies(table: TableResult, claims: Sequence[Claim]) -> dict[Claim, Verdict]:
    """Judge claims whose rows all have records: `better` together, the others one by one."""
    by_video = [claim for claim in claims if claim.metric != "map"]
    verdicts = {claim: _list_means(table, claim) for claim in claims if claim.metric == "map"}
    verdicts |= {claim: _judge_one(table, claim) for claim in by_video if claim.kind != "better"}
    return verdicts | _judge_better(table, [claim for claim in by_video if claim.kind == "better"])


def _judge_better(table: TableResult, claims: Sequence[Claim]) -> dict[Claim, Verdict]:
    """Judge claims that one row is above another, corrected with the comparisons of all tables."""
    if not claims:
        return {}
    gaps = {_key(table, claim): _gap(table, claim) for claim in claims}
    others = [other for other in table.family if other.comparison.key not in gaps]
    ps = [_seed_p(gap) for gap in gaps.values()] + [_family_p(table, other) for other in others]
    adjusted = dict(zip(gaps, holm(ps), strict=False))
    return {
        claim: judge_better(
            gaps[_key(table, claim)],
            p=adjusted[_key(table, claim)],
            family=len(ps),
            printed=_printed_gap(table, claim),
        )
        for claim in claims
    }


def _seed_p(gap: Difference) -> float:
    """Return the p of a gap; 1 from single runs, which say nothing of other seeds."""
    return gap.p if gap.seeds > 1 else 1.0


def _key(table: TableResult, claim: Claim) -> str:
    return comparison_key(claim, [row.trial for row in table.of(claim) if row.trial])


def _family_p(table: TableResult, compared: ComparedRecords) -> float:
    """Return the p of a comparison in another table; 1 if it cannot be measured yet."""
    first, second = compared.records
    if not are_comparable((first, second)):
        return 1.0
    try:
        return _seed_p(
            measured_gap(table.results, first, second, metric=compared.comparison.metric)
        )
    except ValueError:  # damaged scores are reported with the table that they belong to
        return 1.0


def _gap(table: TableResult, claim: Claim) -> Difference:
    first, second = (result.records for result in table.of(claim))
    return measured_gap(table.results, first, second, metric=claim.metric)


def _printed_gap(table: TableResult, claim: Claim) -> float | None:
    """Return the printed gap; it applies at paper scale only."""
    first, second = (result.row.published.get(claim.metric) for result in table.of(claim))
    if table.scale != "paper" or first is None or second is None:
        return None
    return first - second


def _judge_one(table: TableResult, claim: Claim) -> Verdict:
    if claim.kind == "same":
        assert claim.limit is not None
        return judge_same(_gap(table, claim), limit=claim.limit)
    records = [result.records for result in table.of(claim)]
    is_correct, clusters = correct(table.results, records, metric=claim.metric)
    draws, seeds = resampling.draw_accuracies(is_correct, clusters=clusters), is_correct.shape[1]
    means = 100 * is_correct.mean(axis=(1, 2))
    if claim.kind == "best":
        return judge_best(means, draws, claim.rows, seeds=seeds)
    assert claim.trend is not None
    return judge_trend(means, draws, claim.rows, claimed=claim.trend, seeds=seeds)


def _list_means(table: TableResult, claim: Claim) -> Verdict:
    """List the means of mAP: as a mean over classes, not videos, it has no interval here."""
    means = [mean(result.values) for result in table.of(claim)]
    text = ", ".join(f"{row} {value:.1f}" for row, value in zip(claim.rows, means, strict=True))
    sentence = f"{text}; a mean over classes is no share of videos, so no interval is given"
    return Verdict(word="undecided", sentence=sentence)


def _judge_cost(table: TableResult, claim: Claim) -> Verdict:
    """Compare exact counts; printed totals and rows that quote other work, on one footing."""
    assert claim.limit is not None
    rows, printed = table.of(claim), _printed_total_ratio(table, claim)
    is_across_works = printed is not None or table.experiment.is_comparison
    first, second = (
        _comparable(result.row, claim.metric) if is_across_works else _count(result, claim.metric)
        for result in rows
    )
    if first is None or second is None:
        return Verdict(word="undecided", sentence="the cost of one of the two networks is unknown")
    if claim.kind == "overhead":
        verdict = judge_overhead(first, second, limit=claim.limit)
    else:
        verdict = judge_ratio(first, second, limit=claim.limit, printed=printed)
    basis = f" (on one footing: rule {comparable.RULE}, test crops)" if is_across_works else ""
    return replace(verdict, sentence=verdict.sentence + basis)


def _printed_total_ratio(table: TableResult, claim: Claim) -> float | None:
    if claim.metric != "total_gmacs":
        return None
    first, second = (result.row.published.get(claim.metric) for result in table.of(claim))
    return None if first is None or second is None else first / second


def _comparable(row: Row, metric: str) -> Fraction | None:
    """Return a cost that is comparable across works, in ones; None if it is unknown."""
    cost = comparable.comparable_cost(row)
    if cost is None:
        return None
    value = {"params_m": cost.params_m * 1e6, "gmacs": cost.gmacs * 1e9}
    return Fraction(round(value.get(metric, cost.total * 1e9)))


def _count(result: RowResult, metric: str) -> Fraction | None:
    """Return a counted cost, in ones; None where the row has none."""
    cost = result.cost
    if cost is None:
        return None
    if metric == "params_m":
        return Fraction(cost.params)
    views = Fraction(cost.views) if metric == "total_gmacs" else 1
    return Fraction(round(cost.gmacs * 1e9) * views)
