"""From records and scores to what a table shows: a verdict for every row and for every claim."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction

from harness import declared, footing, resample
from harness.cells import Deviation, at_desk, cell, not_covered, seed_deviation
from harness.claims import best, better, overhead, ratio, same, trend
from harness.compare import Difference, difference, holm
from harness.costs import row_cost
from harness.evidence import Evidence, claim_state, correct, row_state
from harness.record import Record
from harness.specs import COSTS, Claim, Row
from harness.verdict import Verdict

# Videos in the published list of a test split.
LISTED: Mapping[str, int] = {"mini_kinetics200": 5000}


@dataclass(frozen=True, kw_only=True)
class Judged:
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


def cells(evidence: Evidence) -> dict[str, Verdict]:
    """Judge the accuracy of every row that runs; a row with nothing to compare with is left out."""
    experiment = evidence.experiment
    rows = [row for row in experiment.rows if experiment.trains and row.trial is not None]
    deviation = seed_deviation([_top1(evidence.of(row)) for row in rows])
    verdicts = {
        row.label: row_state(evidence, row) or _number(evidence, row, deviation) for row in rows
    }
    return {label: verdict for label, verdict in verdicts.items() if verdict is not None}


def _top1(records: Sequence[Record]) -> list[float]:
    return [each.metrics["top1"] for each in records]


def _number(evidence: Evidence, row: Row, deviation: Deviation) -> Verdict | None:
    found = evidence.of(row)
    if evidence.scale == "desk":
        return at_desk(_top1(found))
    if (missing := _not_covered(found)) is not None:
        return missing
    if "top1" not in row.published:
        return None
    margin, printed = evidence.experiment.margin, row.published["top1"]
    verdict = cell(_top1(found), printed=printed, margin=margin, deviation=deviation)
    late = declared.margin_is_late(
        evidence.experiment, scale=evidence.scale, results=evidence.results
    )
    more = "; margin changed after results" if late else ""
    return replace(verdict, sentence=verdict.sentence + more)


def _not_covered(found: Sequence[Record]) -> Verdict | None:
    """Judge the run that scored the fewest videos of the published list."""
    fewest = min(found, key=lambda each: each.metrics["videos"])
    scored = round(fewest.metrics["videos"])
    return not_covered(
        correct=round(fewest.metrics["top1"] / 100 * scored),
        scored=scored,
        listed=LISTED.get(fewest.trial["data"]["name"], scored),
    )


def claims(evidence: Evidence) -> tuple[Judged, ...]:
    """Judge every claim of a table, in its order."""
    listed = evidence.experiment.claims
    counted = {claim: _cost(evidence, claim) for claim in listed if claim.metric in COSTS}
    states = {claim: claim_state(evidence, claim) for claim in listed if claim not in counted}
    settled = {claim: state for claim, state in states.items() if state is not None}
    measured = [claim for claim, state in states.items() if state is None]
    pairs = [claim for claim in measured if claim.kind == "better"]
    others = {claim: _measured(evidence, claim) for claim in measured if claim not in pairs}
    verdicts = counted | settled | others | _better(evidence, pairs)
    experiment, scale, results = evidence.experiment, evidence.scale, evidence.results
    late = [
        claim
        for claim in declared.late(experiment, scale=scale, results=results)
        if claim in measured
    ]
    return tuple(_judged(claim, verdicts[claim], claim in late) for claim in listed)


def _judged(claim: Claim, verdict: Verdict, late: bool) -> Judged:
    said = asdict(verdict)
    if late:
        said["sentence"] += "; claim changed after results"
    return Judged(claim=claim, late=late, **said)


def _better(evidence: Evidence, listed: Sequence[Claim]) -> dict[Claim, Verdict]:
    """Judge together the claims of a table that one row is above another."""
    gaps = [_gap(evidence, claim) for claim in listed]
    adjusted = holm([gap.p for gap in gaps])
    return {
        claim: better(gap, p=p, printed=_printed_gap(evidence, claim))
        for claim, gap, p in zip(listed, gaps, adjusted, strict=True)
    }


def _gap(evidence: Evidence, claim: Claim) -> Difference:
    (first, second), clusters = correct(evidence, claim)
    return difference(first, second, clusters=clusters)


def _printed_gap(evidence: Evidence, claim: Claim) -> float | None:
    """Return the gap that the paper prints; it says nothing of one at desk scale."""
    first, second = (row.published.get(claim.metric) for row in evidence.rows(claim))
    if evidence.scale == "desk" or first is None or second is None:
        return None
    return first - second


def _measured(evidence: Evidence, claim: Claim) -> Verdict:
    if claim.kind == "same":
        assert claim.limit is not None
        return same(_gap(evidence, claim), limit=claim.limit)
    right, clusters = correct(evidence, claim)
    drawn, seeds = resample.draws(right, clusters=clusters), right.shape[1]
    means = 100 * right.mean(axis=(1, 2))
    if claim.kind == "best":
        return best(means, drawn, claim.rows, seeds=seeds)
    assert claim.trend is not None
    return trend(means, drawn, claim.rows, claimed=claim.trend, seeds=seeds)


def _cost(evidence: Evidence, claim: Claim) -> Verdict:
    """Compare raw counts, exactly; beside rows of other work on one footing."""
    assert claim.limit is not None
    rows = evidence.rows(claim)
    quoted = any(row.trial is None for row in rows)
    counts = [(_on_one_footing if quoted else _count)(row, claim.metric) for row in rows]
    first, second = counts
    if first is None or second is None:
        return Verdict(word="undecided", sentence="nobody counted one of the two networks")
    judge = overhead if claim.kind == "overhead" else ratio
    verdict = judge(first, second, limit=claim.limit)
    more = f" (on one footing: rule {footing.RULE}, test crops)" if quoted else ""
    return replace(verdict, sentence=verdict.sentence + more)


def _on_one_footing(row: Row, metric: str) -> Fraction | None:
    """Return what a row costs where costs of other work can stand beside it, in ones."""
    found = footing.footing(row)
    if found is None:
        return None
    value = {"params_m": found.params_m * 1e6, "gmacs": found.gmacs * 1e9}
    return Fraction(round(value.get(metric, found.total * 1e9)))


def _count(row: Row, metric: str) -> Fraction:
    counted = row_cost(row)
    if counted is None:
        raise ValueError(f"{row.label!r} only quotes other work: nothing is known of its {metric}")
    if metric == "params_m":
        return Fraction(counted.params)
    views = Fraction(counted.views) if metric == "total_gmacs" else 1
    return Fraction(round(counted.gmacs * 1e9) * views)
