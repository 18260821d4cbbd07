"""From records and scores to what a table shows: a verdict for every row and for every claim."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from statistics import mean
from typing import Any

from harness.cost import comparable
from harness.data import sizes
from harness.experiment import COSTS, Claim, Row
from harness.report import preregistration
from harness.report.evidence import claim_state, correct, row_state
from harness.report.results import RowResult, TableResult
from harness.stats import resampling
from harness.stats.claim_verdict import (
    judge_best,
    judge_better,
    judge_overhead,
    judge_ratio,
    judge_same,
    judge_trend,
)
from harness.stats.paired import Difference, holm, paired_difference
from harness.stats.row_verdict import (
    SeedDeviation,
    accuracy_verdict,
    coverage_text,
    coverage_verdict,
    desk_verdict,
    own_verdict,
    seed_deviation,
)
from harness.stats.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class JudgedClaim:
    """A claim and its verdict.

    Attributes:
        claim: What the paper asserts.
        word: The verdict.
        sentence: With the numbers.
        estimate: Difference, excess, ratio, probability or slope.
        low: Lower end of its 95 % interval.
        high: Upper end of it.
        p: Of a `better`, adjusted for the other claims of the table; of a `same`, as it is.
        late: Whether the claim was changed after the first result.
    """

    claim: Claim
    word: str
    sentence: str
    estimate: float | None
    low: float | None
    high: float | None
    p: float | None
    late: bool


@dataclass(frozen=True, kw_only=True)
class JudgedTable:
    """A table with its verdicts.

    Attributes:
        table: Rows with what was found of them.
        verdicts: Label of a row to what its accuracy says of the printed one; a row with nothing
            to compare with has none.
        claims: What is asserted of several rows, in the order of the table.
    """

    table: TableResult
    verdicts: Mapping[str, Verdict]
    claims: tuple[JudgedClaim, ...]


def judge(table: TableResult) -> JudgedTable:
    """Judge every row and every claim of a table.

    Raises:
        ValueError: If scores are damaged, or a claim compares what cannot be compared.
    """
    return JudgedTable(table=table, verdicts=cells(table), claims=claims(table))


def cells(table: TableResult) -> dict[str, Verdict]:
    """Judge the accuracy of every row that runs."""
    if not table.is_measured:
        return {}
    rows = [result for result in table.rows if result.trial is not None]
    deviation = seed_deviation([result.values for result in rows])
    verdicts = {
        result.label: row_state(result) or _number(table, result, deviation) for result in rows
    }
    return {label: verdict for label, verdict in verdicts.items() if verdict is not None}


def _number(table: TableResult, result: RowResult, deviation: SeedDeviation) -> Verdict | None:
    if table.scale == "desk":
        return desk_verdict(result.values)
    remarks = (*_norm(result), *_changed(result))
    if table.scale == "own":
        return _with_remarks(own_verdict(result.values), remarks)
    seen = _seen(result)
    if (missing := coverage_verdict(**seen)) is not None:
        return _with_remarks(missing, remarks)
    if result.metric not in result.row.published:
        return None
    verdict = accuracy_verdict(
        result.values,
        printed=result.row.published[result.metric],
        margin=table.experiment.margin,
        deviation=deviation,
    )
    return _with_remarks(verdict, (coverage_text(**seen), *remarks, *_late(table)))


def _with_remarks(verdict: Verdict, remarks: Sequence[str]) -> Verdict:
    return replace(verdict, sentence="; ".join((verdict.sentence, *filter(None, remarks))))


def _late(table: TableResult) -> tuple[str, ...]:
    late = preregistration.margin_is_late(
        table.experiment, scale=table.scale, results=table.results
    )
    return ("margin changed after results",) if late else ()


def _norm(result: RowResult) -> tuple[str, ...]:
    """Return a remark where batch norm saw other videos together than in the recipe of a row."""
    assert result.row.trial is not None
    assert result.trial is not None
    recipe, ran = (
        spec.norm_videos or spec.batch_videos
        for spec in (result.row.trial.train, result.trial.train)
    )
    return (f"batch norm over {ran} videos, {recipe} in the recipe",) if ran != recipe else ()


def _changed(result: RowResult) -> tuple[str, ...]:
    """Return a remark where the files are not those that the lists mean."""
    said = {str(record.data.get("changed", "")) for record in result.records}
    return tuple(f"read as {changed}" for changed in sorted(said) if changed)


def _seen(result: RowResult) -> dict[str, Any]:
    """Count the test videos that were right and scored, beside the list at hand or published.

    The longer list counts: a short list of one's own is not the test of the paper.
    """
    scored = round(min(record.metrics["videos"] for record in result.records))
    at_hand = max(record.data.get("listed", {}).get("test", 0) for record in result.records)
    published = sizes.PUBLISHED.get(result.records[0].trial["data"]["name"])
    listed = max(scored, at_hand, published.test if published else 0)
    correct = round(mean(result.values) / 100 * scored) if result.metric == "top1" else None
    return {"correct": correct, "scored": scored, "listed": listed}


def claims(table: TableResult) -> tuple[JudgedClaim, ...]:
    """Judge every claim of a table, in its order."""
    listed = table.experiment.claims
    counted = {claim: _cost(table, claim) for claim in listed if claim.metric in COSTS}
    states = {claim: claim_state(table, claim) for claim in listed if claim not in counted}
    settled = {claim: state for claim, state in states.items() if state is not None}
    measured = [claim for claim, state in states.items() if state is None]
    settled |= {claim: _by_class(table, claim) for claim in measured if claim.metric == "map"}
    pairs = [claim for claim in measured if claim.kind == "better" and claim not in settled]
    others = {
        claim: _measured(table, claim) for claim in measured if claim not in {*pairs, *settled}
    }
    verdicts = counted | settled | others | _better(table, pairs)
    changed = preregistration.late(table.experiment, scale=table.scale, results=table.results)
    late = [claim for claim in changed if claim in measured]
    return tuple(_judged(claim, verdicts[claim], claim in late) for claim in listed)


def _judged(claim: Claim, verdict: Verdict, late: bool) -> JudgedClaim:
    said = asdict(verdict)
    if late:
        said["sentence"] += "; claim changed after results"
    return JudgedClaim(claim=claim, late=late, **said)


def _better(table: TableResult, listed: Sequence[Claim]) -> dict[Claim, Verdict]:
    """Judge together the claims of a table that one row is above another."""
    gaps = [_gap(table, claim) for claim in listed]
    adjusted = holm([gap.p for gap in gaps])
    return {
        claim: judge_better(gap, p=p, printed=_printed_gap(table, claim))
        for claim, gap, p in zip(listed, gaps, adjusted, strict=True)
    }


def _gap(table: TableResult, claim: Claim) -> Difference:
    (first, second), clusters = correct(table, claim)
    return paired_difference(first, second, clusters=clusters)


def _printed_gap(table: TableResult, claim: Claim) -> float | None:
    """Return the gap that the paper prints; it says nothing of one at desk scale."""
    first, second = (each.row.published.get(claim.metric) for each in table.of(claim))
    if table.scale != "paper" or first is None or second is None:
        return None
    return first - second


def _measured(table: TableResult, claim: Claim) -> Verdict:
    if claim.kind == "same":
        assert claim.limit is not None
        return judge_same(_gap(table, claim), limit=claim.limit)
    right, clusters = correct(table, claim)
    drawn, seeds = resampling.draw_accuracies(right, clusters=clusters), right.shape[1]
    means = 100 * right.mean(axis=(1, 2))
    if claim.kind == "best":
        return judge_best(means, drawn, claim.rows, seeds=seeds)
    assert claim.trend is not None
    return judge_trend(means, drawn, claim.rows, claimed=claim.trend, seeds=seeds)


def _by_class(table: TableResult, claim: Claim) -> Verdict:
    """Name the means of a metric that has no interval here, as it is no share of videos."""
    means = [mean(result.values) for result in table.of(claim)]
    said = ", ".join(f"{row} {value:.1f}" for row, value in zip(claim.rows, means, strict=True))
    sentence = f"{said}; a mean over classes is no share of videos, so no interval is given"
    return Verdict(word="undecided", sentence=sentence)


def _cost(table: TableResult, claim: Claim) -> Verdict:
    """Compare raw counts, exactly; beside rows of other work on one footing."""
    assert claim.limit is not None
    rows = table.of(claim)
    quoted = any(result.trial is None for result in rows)
    counts = [
        _on_one_footing(each.row, claim.metric) if quoted else _count(each, claim.metric)
        for each in rows
    ]
    first, second = counts
    if first is None or second is None:
        return Verdict(word="undecided", sentence="nobody counted one of the two networks")
    compared = judge_overhead if claim.kind == "overhead" else judge_ratio
    verdict = compared(first, second, limit=claim.limit)
    more = f" (on one footing: rule {comparable.RULE}, test crops)" if quoted else ""
    return replace(verdict, sentence=verdict.sentence + more)


def _on_one_footing(row: Row, metric: str) -> Fraction | None:
    """Return what a row costs where costs of other work can stand beside it, in ones."""
    found = comparable.comparable_cost(row)
    if found is None:
        return None
    value = {"params_m": found.params_m * 1e6, "gmacs": found.gmacs * 1e9}
    return Fraction(round(value.get(metric, found.total * 1e9)))


def _count(result: RowResult, metric: str) -> Fraction:
    counted = result.cost
    if counted is None:
        raise ValueError(f"{result.label!r} quotes other work: its {metric} was not counted")
    if metric == "params_m":
        return Fraction(counted.params)
    views = Fraction(counted.views) if metric == "total_gmacs" else 1
    return Fraction(round(counted.gmacs * 1e9) * views)
