"""Evidence for a claim: the state of its rows, and which videos they have right."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from harness import scores
from harness.experiment import Claim
from harness.report.results import RowResult, TableResult
from harness.stats import row_verdict
from harness.stats.resampling import Clusters, Correct
from harness.stats.verdict import Verdict

# Test videos that belong together and follow each other in the list: those of desk are twins.
TOGETHER: Mapping[str, int] = {"desk": 2}


def row_state(result: RowResult) -> Verdict | None:
    """Return the verdict of a row without a number that counts; None if it has one."""
    if result.state == "stale":
        return row_verdict.stale_verdict(len(result.stale), len(result.records))
    without_number = {
        "quoted": row_verdict.quoted_verdict,
        "ensemble": row_verdict.ensemble_verdict,
        "not run": row_verdict.not_run_verdict,
        "interrupted": row_verdict.interrupted_verdict,
    }
    return without_number[result.state]() if result.state in without_number else None


def claim_state(table: TableResult, claim: Claim) -> Verdict | None:
    """Return the verdict of a claim that cannot be judged; None if it can."""
    rows = table.of(claim)
    for result in sorted(rows, key=lambda result: result.trial is not None):
        if (state := row_state(result)) is not None:
            return replace(state, sentence=f"{result.label}: {state.sentence}")
    if len({record.passport for result in rows for record in result.records}) > 1:
        return Verdict(word="not comparable", sentence="the rows were scored on different videos")
    if not _shared_seeds(rows):
        return Verdict(word="not comparable", sentence="the rows have no seed in common")
    return None


def _shared_seeds(rows: list[RowResult]) -> set[int]:
    return set.intersection(*(result.seeds for result in rows))


def correct(table: TableResult, claim: Claim) -> tuple[Correct, Clusters | None]:
    """Return which videos the rows of a claim have right, and which videos belong together.

    Raises:
        ValueError: If scores are damaged, or the metric does not judge videos one by one.
    """
    rows = table.of(claim)
    seeds = _shared_seeds(rows)
    records = [
        [record for record in result.records if record.trial["seed"] in seeds] for result in rows
    ]
    right = np.array(
        [
            [
                scores.correct_videos(scores.read(table.results, each), metric=claim.metric)
                for each in row
            ]
            for row in records
        ]
    )
    together = TOGETHER.get(records[0][0].trial["data"]["name"])
    return right, np.arange(right.shape[2]) // together if together else None
