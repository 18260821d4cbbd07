"""Verdicts of a table: one per row that runs, one per claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from harness.data import sizes
from harness.report import preregistration
from harness.report.claims import JudgedClaim, judge_claims
from harness.report.evidence import row_state
from harness.report.results import RowResult, TableResult
from harness.stats import power
from harness.stats.row_verdict import (
    SeedDeviation,
    accuracy_verdict,
    coverage_text,
    coverage_verdict,
    desk_verdict,
    measured_deviation,
    own_verdict,
    seed_deviation,
    unknown_scatter_verdict,
)
from harness.stats.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class JudgedTable:
    """A table with its verdicts.

    Attributes:
        table: Rows with their records, accuracies and costs.
        verdicts: Label of a row to the verdict of its accuracy against the printed one; a row
            with nothing to compare with has none.
        claims: Claims over several rows, in the order of the table.
    """

    table: TableResult
    verdicts: Mapping[str, Verdict]
    claims: tuple[JudgedClaim, ...]

    def word(self, result: RowResult) -> str | None:
        """Return the verdict word of a row; None without a verdict."""
        verdict = self.verdicts.get(result.label)
        return verdict.word if verdict else None


def judge(table: TableResult) -> JudgedTable:
    """Judge every row and every claim of a table.

    Raises:
        ValueError: If scores are damaged, or a claim compares what cannot be compared.
    """
    return JudgedTable(table=table, verdicts=judge_rows(table), claims=judge_claims(table))


def judge_rows(table: TableResult) -> dict[str, Verdict]:
    """Judge the accuracy of every row that runs."""
    if not table.is_measured:
        return {}
    rows = [result for result in table.rows if result.trial is not None]
    deviation = _deviation(rows)
    verdicts = {
        result.label: row_state(result) or _accuracy(table, result, deviation) for result in rows
    }
    return {label: verdict for label, verdict in verdicts.items() if verdict is not None}


def _deviation(rows: Sequence[RowResult]) -> SeedDeviation | None:
    """Return the deviation over seeds; None where it is not measured, and declared of shares alone.

    Mean average precision is no share of videos that are right.
    """
    values = [result.values for result in rows]
    if any(result.metric == "map" for result in rows):
        return measured_deviation(values)
    return seed_deviation(values, declared=_declared_deviation(rows))


def _declared_deviation(rows: Sequence[RowResult]) -> float:
    """Return the deviation between seeds to expect of rows; that of the literature without any."""
    measured = [result for result in rows if result.records]
    if not measured:
        return power.DECLARED_DEVIATION
    accuracy = mean(mean(result.values) for result in measured)
    return power.expected_deviation(accuracy, _video_counts(measured[0])["listed"])


def _accuracy(
    table: TableResult, result: RowResult, deviation: SeedDeviation | None
) -> Verdict | None:
    if table.scale == "desk":
        return desk_verdict(result.values)
    remarks = (*_batch_norm_remarks(result), *_data_remarks(result))
    if table.scale == "own":
        return _with_remarks(own_verdict(result.values), remarks)
    counts = _video_counts(result)
    if (missing := coverage_verdict(**counts)) is not None:
        return _with_remarks(missing, remarks)
    if result.metric not in result.row.published:
        return None
    printed = result.row.published[result.metric]
    verdict = (
        unknown_scatter_verdict(result.values, printed=printed)
        if deviation is None
        else accuracy_verdict(
            result.values, printed=printed, margin=table.experiment.margin, deviation=deviation
        )
    )
    return _with_remarks(
        verdict, (coverage_text(**counts), *remarks, preregistration.margin_lateness(table, result))
    )


def _with_remarks(verdict: Verdict, remarks: Sequence[str]) -> Verdict:
    return replace(verdict, sentence="; ".join((verdict.sentence, *filter(None, remarks))))


def _batch_norm_remarks(result: RowResult) -> tuple[str, ...]:
    """Return a remark where batch norm averaged over another number of videos than the recipe."""
    assert result.row.trial is not None
    assert result.trial is not None
    recipe, actual = (
        spec.norm_videos or spec.batch_videos
        for spec in (result.row.trial.train, result.trial.train)
    )
    return (f"batch norm over {actual} videos, {recipe} in the recipe",) if actual != recipe else ()


def _data_remarks(result: RowResult) -> tuple[str, ...]:
    """Return a remark where the files are not the originals of the lists, as training copies."""
    changes = {str(record.data.get("changed", "")) for record in result.records}
    return tuple(f"read as {change}" for change in sorted(changes) if change)


def _video_counts(result: RowResult) -> dict[str, Any]:
    """Count the test videos classified correctly, scored, and listed.

    The longer of the local and the published list counts: a short list of one's own is not the
    test set of the paper.
    """
    scored = round(min(record.metrics["videos"] for record in result.records))
    local = max(record.data.get("listed", {}).get("test", 0) for record in result.records)
    published = sizes.PUBLISHED.get(result.records[0].trial["data"]["name"])
    listed = max(scored, local, published.test if published else 0)
    correct = round(mean(result.values) / 100 * scored) if result.metric == "top1" else None
    return {"correct": correct, "scored": scored, "listed": listed}
