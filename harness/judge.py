"""From records and scores to what a table shows: a verdict for every row and for every claim."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from statistics import mean
from typing import Any

from harness import copies, declared, footing, plan, resample
from harness.cells import Deviation, at_desk, cell, covered, not_covered, own_run, seed_deviation
from harness.claims import best, better, overhead, ratio, same, trend
from harness.compare import Difference, difference, holm
from harness.costs import row_cost
from harness.evidence import Evidence, claim_state, correct, metric_of, row_state
from harness.specs import COSTS, Claim, Row
from harness.verdict import Verdict


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
    if not plan.is_measured(experiment, evidence.records, scale=evidence.shrink):
        return {}
    rows = [row for row in experiment.rows if row.trial is not None]
    deviation = seed_deviation([_accuracies(evidence, row) for row in rows])
    verdicts = {
        row.label: row_state(evidence, row) or _number(evidence, row, deviation) for row in rows
    }
    return {label: verdict for label, verdict in verdicts.items() if verdict is not None}


def _accuracies(evidence: Evidence, row: Row) -> list[float]:
    metric = metric_of(evidence.experiment)
    return [each.metrics[metric] for each in evidence.of(row)]


def _number(evidence: Evidence, row: Row, deviation: Deviation) -> Verdict | None:
    values = _accuracies(evidence, row)
    if evidence.scale == "desk":
        return at_desk(values)
    remarks = (*_norm(evidence, row), *_changed(evidence, row))
    if evidence.scale == "own":
        return _with_remarks(own_run(values), remarks)
    seen = _seen(evidence, row)
    if (missing := not_covered(**seen)) is not None:
        return _with_remarks(missing, remarks)
    metric, margin = metric_of(evidence.experiment), evidence.experiment.margin
    if metric not in row.published:
        return None
    verdict = cell(values, printed=row.published[metric], margin=margin, deviation=deviation)
    return _with_remarks(verdict, (covered(**seen), *remarks, *_late(evidence)))


def _with_remarks(verdict: Verdict, remarks: Sequence[str]) -> Verdict:
    return replace(verdict, sentence="; ".join((verdict.sentence, *filter(None, remarks))))


def _late(evidence: Evidence) -> tuple[str, ...]:
    experiment, scale, results = evidence.experiment, evidence.scale, evidence.results
    late = declared.margin_is_late(experiment, scale=scale, results=results)
    return ("margin changed after results",) if late else ()


def _norm(evidence: Evidence, row: Row) -> tuple[str, ...]:
    """Say where batch norm saw other videos together than in the recipe of a row."""
    assert row.trial is not None
    paper, here = row.trial.train, evidence.shrink(row.trial).train
    recipe, ran = (each.norm_videos or each.batch_videos for each in (paper, here))
    return (f"batch norm over {ran} videos, {recipe} in the recipe",) if ran != recipe else ()


def _changed(evidence: Evidence, row: Row) -> tuple[str, ...]:
    """Say where the files are not those that the lists mean."""
    said = {str(each.data.get("changed", "")) for each in evidence.of(row)}
    return tuple(f"read as {changed}" for changed in sorted(said) if changed)


def _seen(evidence: Evidence, row: Row) -> dict[str, Any]:
    """Count the test videos that were right and scored, beside the list at hand or published.

    The longer list counts: a short list of one's own is not the test of the paper.
    """
    found = evidence.of(row)
    scored = round(min(each.metrics["videos"] for each in found))
    at_hand = max(each.data.get("listed", {}).get("test", 0) for each in found)
    published = copies.PUBLISHED.get(found[0].trial["data"]["name"])
    listed = max(scored, at_hand, published.test if published else 0)
    correct = None
    if metric_of(evidence.experiment) == "top1":
        correct = round(mean(_accuracies(evidence, row)) / 100 * scored)
    return {"correct": correct, "scored": scored, "listed": listed}


def claims(evidence: Evidence) -> tuple[Judged, ...]:
    """Judge every claim of a table, in its order."""
    listed = evidence.experiment.claims
    counted = {claim: _cost(evidence, claim) for claim in listed if claim.metric in COSTS}
    states = {claim: claim_state(evidence, claim) for claim in listed if claim not in counted}
    settled = {claim: state for claim, state in states.items() if state is not None}
    measured = [claim for claim, state in states.items() if state is None]
    settled |= {claim: _by_class(evidence, claim) for claim in measured if claim.metric == "map"}
    pairs = [claim for claim in measured if claim.kind == "better" and claim not in settled]
    others = {
        claim: _measured(evidence, claim) for claim in measured if claim not in {*pairs, *settled}
    }
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
    if evidence.scale != "paper" or first is None or second is None:
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


def _by_class(evidence: Evidence, claim: Claim) -> Verdict:
    """Name the means of a metric that has no interval here, as it is no share of videos."""
    means = [mean(_accuracies(evidence, row)) for row in evidence.rows(claim)]
    said = ", ".join(f"{row} {value:.1f}" for row, value in zip(claim.rows, means, strict=True))
    sentence = f"{said}; a mean over classes is no share of videos, so no interval is given"
    return Verdict(word="undecided", sentence=sentence)


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
