"""Evidence for verdicts: the state of rows, and the videos that they classify correctly."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from harness import video_scores
from harness.data.datasets import desk_recipe
from harness.experiment import Claim
from harness.plan.comparisons import SCALE_WORDS
from harness.record import Record
from harness.report.results import RowResult, TableResult
from harness.stats import row_verdict
from harness.stats.paired import Difference, paired_difference
from harness.stats.resampling import Clusters, Correct
from harness.stats.verdict import Verdict
from harness.video_scores import BadScoresError

_LOG = logging.getLogger(__name__)

_WIDE_POINTS = 10.0  # between seeds: more than the videos of a test set can make
_TOP_POINTS = 1.0  # below the top that hidden halves allow: what rows this near it may differ by


def row_state(result: RowResult) -> Verdict | None:
    """Return the verdict of a row without a valid accuracy; None if it has one."""
    if result.state == "stale":
        return row_verdict.stale_verdict(len(result.stale), len(result.records))
    verdicts = {
        "quoted": row_verdict.quoted_verdict,
        "not run": row_verdict.not_run_verdict,
        "interrupted": row_verdict.interrupted_verdict,
    }
    return verdicts[result.state]() if result.state in verdicts else None


def claim_state(table: TableResult, claim: Claim) -> Verdict | None:
    """Return the verdict of a claim that cannot be judged; None if it can."""
    if claim in table.obstacles:
        return table.obstacles[claim]
    rows = table.of(claim)
    for result in sorted(rows, key=lambda result: result.trial is not None):
        if (state := row_state(result)) is not None:
            return replace(state, sentence=f"{result.label}: {state.sentence}")
    records = [result.records for result in rows]
    if not _are_same_videos(records):
        return Verdict(word="not comparable", sentence="the rows were scored on different videos")
    if not _shared_seeds(records):
        return Verdict(word="not comparable", sentence="the rows have no seed in common")
    return _at_the_top(rows) if claim.metric == "top1" else None


def are_comparable(rows: Sequence[Sequence[Record]]) -> bool:
    """Return whether rows have runs on the same videos with the same seeds."""
    return _are_same_videos(rows) and bool(_shared_seeds(rows))


def _are_same_videos(rows: Sequence[Sequence[Record]]) -> bool:
    return len({record.passport for row in rows for record in row}) <= 1


def with_scale(verdict: Verdict, table: TableResult) -> Verdict:
    """Return a judged accuracy's verdict with the scale in its word."""
    return replace(verdict, word=f"{verdict.word}{SCALE_WORDS[table.scale]}")


def _at_the_top(rows: Sequence[RowResult]) -> Verdict | None:
    """Return the verdict of a claim over rows that all reach what hidden halves allow."""
    trials = [result.trial for result in rows if result.trial is not None]
    # What hidden halves allow is known of the default videos.
    if any(trial.data.name != desk_recipe.DESK or trial.data.options for trial in trials):
        return None
    if min(min(result.values) for result in rows) < desk_recipe.PERFECT - _TOP_POINTS:
        return None
    means = "; ".join(f"{result.label}: {np.mean(result.values):.1f}" for result in rows)
    perfect = f"a perfect network is expected to reach {desk_recipe.PERFECT:.1f}"
    return Verdict(word="not decidable at desk scale", sentence=f"{means}; {perfect}")


def scattered_seeds(rows: Sequence[RowResult]) -> str:
    """Return a remark on desk rows of which some seeds learned and others did not; else nothing."""
    remarks = [
        f"seeds of {result.label} range from {min(result.values):.1f} to {max(result.values):.1f}, "
        "so intervals mean little"
        for result in rows
        if result.trial is not None
        and result.trial.data.name in desk_recipe.RECIPES
        and max(result.values) - min(result.values) > _WIDE_POINTS
    ]
    return "; ".join(remarks)


def _shared_seeds(rows: Sequence[Sequence[Record]]) -> set[int]:
    return set.intersection(*({int(record.trial["seed"]) for record in row} for row in rows))


def correct(
    results: Path, rows: Sequence[Sequence[Record]], *, metric: str
) -> tuple[Correct, Clusters | None]:
    """Return the videos that rows classify correctly on shared seeds, and clusters of videos.

    Args:
        results: Folder of the records.
        rows: Records of each row, on the same videos.
        metric: A share of videos.

    Raises:
        ValueError: If scores are damaged, or the metric is not a share of videos.
    """
    seeds = _shared_seeds(rows)
    shared = [[record for record in row if record.trial["seed"] in seeds] for row in rows]
    scored = [[video_scores.read(results, record) for record in row] for row in shared]
    video_scores.check_same_videos(list(chain(*scored)), list(chain(*shared)))
    is_correct = np.array(
        [[video_scores.correct_videos(each, metric=metric) for each in row] for row in scored]
    )
    size = desk_recipe.GROUP_SIZES.get(rows[0][0].trial["data"]["name"])
    return is_correct, np.arange(is_correct.shape[2]) // size if size else None


Shares = Mapping[str, float]
_shares: dict[tuple[object, ...], Shares] = {}


def aspect_shares(table: TableResult) -> dict[str, tuple[Shares, ...]]:
    """Return which aspects of the answers of each row are right, seed by seed.

    Empty but for desk videos, whose classes alone have aspects. A record without sound scores is
    left out with a warning.
    """
    if table.scale != desk_recipe.DESK or not table.is_measured:
        return {}
    found = {
        row.label: tuple(filter(None, (_shares_of(table.results, each) for each in row.records)))
        for row in table.rows
    }
    return {label: seeds for label, seeds in found.items() if seeds}


def mean_shares(seeds: Sequence[Shares]) -> Shares:
    """Return the mean over seeds of the percentage right in each aspect; NaN without a seed."""
    return {
        name: sum(seed[name] for seed in seeds) / len(seeds) if seeds else float("nan")
        for name in desk_recipe.ASPECTS
    }


def aspect_columns(table: TableResult) -> dict[str, dict[str, float]]:
    """Return the columns of aspects of each row, NaN without a record; empty without any."""
    shares = aspect_shares(table)
    means = {row.label: mean_shares(shares.get(row.label, ())) for row in table.rows if shares}
    return {
        label: {f"right_{name}": share for name, share in found.items()}
        for label, found in means.items()
    }


def _shares_of(results: Path, record: Record) -> Shares | None:
    """Return which aspects of a record's answers are right; None without sound scores.

    Scores are read once, whatever tables and files show their aspects.
    """
    key = (results, record.key, record.scores_sha256)
    if key not in _shares:
        try:
            _shares[key] = video_scores.aspect_shares(results, record)
        except BadScoresError as error:
            _LOG.warning("%s", error)
            return None
    return _shares[key]


_gaps: dict[tuple[object, ...], Difference] = {}


def measured_gap(
    results: Path, first: Sequence[Record], second: Sequence[Record], *, metric: str
) -> Difference:
    """Return the difference of two rows, resampled once whatever tables compare them."""
    rows = (first, second)
    runs = [tuple((record.key, record.scores_sha256) for record in row) for row in rows]
    key = (results, metric, *runs)
    if key not in _gaps:
        (one, other), clusters = correct(results, rows, metric=metric)
        _gaps[key] = paired_difference(one, other, clusters=clusters)
    return _gaps[key]
