"""Evidence for verdicts: the state of rows, and the videos that they classify correctly."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from harness import scores
from harness.experiment import Claim
from harness.report.results import RowResult, TableResult
from harness.stats import row_verdict
from harness.stats.resampling import Clusters, Correct
from harness.stats.verdict import Verdict

# Consecutive test videos that are resampled together: those of desk are twins.
CLUSTER_SIZES: Mapping[str, int] = {"desk": 2}


def row_state(result: RowResult) -> Verdict | None:
    """Return the verdict of a row without a valid accuracy; None if it has one."""
    if result.state == "stale":
        return row_verdict.stale_verdict(len(result.stale), len(result.records))
    verdicts = {
        "quoted": row_verdict.quoted_verdict,
        "ensemble": row_verdict.ensemble_verdict,
        "not run": row_verdict.not_run_verdict,
        "interrupted": row_verdict.interrupted_verdict,
    }
    return verdicts[result.state]() if result.state in verdicts else None


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
    """Return the videos that the rows of a claim classify correctly, and clusters of videos.

    Raises:
        ValueError: If scores are damaged, or the metric is not a mean over videos.
    """
    rows = table.of(claim)
    seeds = _shared_seeds(rows)
    records = [
        [record for record in result.records if record.trial["seed"] in seeds] for result in rows
    ]
    is_correct = np.array(
        [
            [
                scores.correct_videos(scores.read(table.results, record), metric=claim.metric)
                for record in row
            ]
            for row in records
        ]
    )
    size = CLUSTER_SIZES.get(records[0][0].trial["data"]["name"])
    return is_correct, np.arange(is_correct.shape[2]) // size if size else None
