"""Differences of two results folders: row by row, paired on seeds and videos."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Literal

import numpy as np

from harness import video_scores
from harness.data.datasets.desk_recipe import GROUP_SIZES
from harness.exchange import row_groups
from harness.exchange.places import Places
from harness.exchange.row_groups import RowGroup
from harness.experiment import Experiment
from harness.provenance.reruns import provenance_differences
from harness.record import Record
from harness.stats.claim_verdict import judge_same
from harness.stats.paired import paired_difference
from harness.stats.verdict import Verdict
from harness.utils.diff import differences, format_value
from harness.video_scores import VideoScores

Code = Literal[0, 1, 2]
EQUAL, WITHIN, NOT_COMPARABLE = "equal", "same within", "not comparable"


@dataclass(frozen=True, kw_only=True)
class TrialPair:
    """Two trials of one seed.

    Attributes:
        seed: Of both.
        keys: Of the records; equal for a rerun of the same trial.
        top1: In each folder, in percent.
        is_equal: True if the scores are the same to the last bit.
    """

    seed: int
    keys: tuple[str, str]
    top1: tuple[float, float]
    is_equal: bool


@dataclass(frozen=True, kw_only=True)
class RowDifference:
    """A row in two folders, compared on the seeds that both have.

    Attributes:
        rows: Rows of tables that it stands for, as TABLE/ROW; a network where no table needs it.
        scale: Of the trials.
        word: `equal`, `same within ± x`, `not the same`, `undecided` or `not comparable`.
        sentence: With the numbers.
        estimate: Second minus first, in points of top-1; None where nothing was compared.
        low: Lower end of its 95 % interval.
        high: Upper end of it.
        p: That the difference is not within the margin.
        changed: Fields of the trials that differ, with both values.
        trials: One per shared seed.
    """

    rows: tuple[str, ...]
    scale: str
    word: str
    sentence: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    changed: str = ""
    trials: tuple[TrialPair, ...] = ()

    @property
    def is_alike(self) -> bool:
        """Return whether the row is equal in both folders, or the same within the margin."""
        return self.word == EQUAL or self.word.startswith(WITHIN)


@dataclass(frozen=True, kw_only=True)
class FolderDifference:
    """Two results folders, compared.

    Attributes:
        rows: Rows that both have.
        only_first: Rows of the first alone.
        only_second: Rows of the second alone.
        provenance: Fields in which the machines, libraries or commits of the compared records
            differ, with the distinct values of each folder.
    """

    rows: tuple[RowDifference, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    provenance: Mapping[str, tuple[str, str]]

    @property
    def code(self) -> Code:
        """Return 0 if rows are equal or within the margin, 1 if one may differ, 2 otherwise."""
        words = [row.word for row in self.rows]
        alike = [word == EQUAL or word.startswith(WITHIN) for word in words]
        if any(
            not fine and word != NOT_COMPARABLE for fine, word in zip(alike, words, strict=True)
        ):
            return 1
        return 0 if words and all(alike) else 2


def compare(
    first: Path,
    second: Path,
    *,
    tables: Sequence[Experiment],
    only: Sequence[str] = (),
    margin: float | None = None,
) -> FolderDifference:
    """Compare two results folders.

    Args:
        first: What the second is compared with.
        second: The other folder.
        tables: Tables whose rows are named.
        only: Names of the tables to compare, each of whose rows must then be in both folders or
            in none; all, and all other trials, if empty.
        margin: Points within which two accuracies are the same; those of the tables by default.

    Raises:
        ValueError: If a record or scores are damaged, or nothing is in both folders.
    """
    places = Places([table for table in tables if not only or table.name in only])
    groups, others = (
        row_groups.read_groups(folder, places, is_restricted=bool(only))
        for folder in (first, second)
    )
    matched = list(row_groups.pairs(groups, others))
    rows = [_difference(one, other, margin) for one, other in matched]
    paired = {id(group) for pair in matched for group in pair}
    alone, alone_too = ([g for g in side if id(g) not in paired] for side in (groups, others))
    rows += [_missing(group) for group in (*alone, *alone_too) if only]
    if not rows:
        raise ValueError(
            f"{first} and {second} have no trial and no row in common; compare runs of the same "
            "table on the same data"
        )
    ones, twos = ([r for pair in matched for r in pair[side].records.values()] for side in (0, 1))
    return FolderDifference(
        rows=tuple(rows),
        only_first=_labels(alone),
        only_second=_labels(alone_too),
        provenance=provenance_differences(ones, twos),
    )


def _difference(one: RowGroup, other: RowGroup, margin: float | None) -> RowDifference:
    """Compare a row of two folders, the second minus the first."""
    shared = sorted(set(one.records) & set(other.records))
    scored = [
        [video_scores.read(group.results, group.records[seed]) for seed in shared]
        for group in (one, other)
    ]
    trials = tuple(
        _trial_pair(seed, one.records[seed], other.records[seed], pair)
        for seed, pair in zip(shared, zip(*scored, strict=True), strict=True)
    )
    points = min(
        (place.margin for place in (*one.places, *other.places)), default=Experiment.margin
    )
    verdict = _verdict(one, other, trials, scored, points if margin is None else margin)
    common = [label for label in one.labels if label in other.labels]
    return RowDifference(
        rows=tuple(common or one.labels),
        scale=one.scale,
        **asdict(verdict),
        changed=_changed(one.first, other.first),
        trials=trials,
    )


def _trial_pair(
    seed: int, one: Record, other: Record, scored: tuple[VideoScores, VideoScores]
) -> TrialPair:
    is_same_file = one.scores_sha256 == other.scores_sha256
    return TrialPair(
        seed=seed,
        keys=(one.key, other.key),
        top1=(one.metrics["top1"], other.metrics["top1"]),
        is_equal=is_same_file or _are_equal(*scored),
    )


def _are_equal(one: VideoScores, other: VideoScores) -> bool:
    """Return whether scores are equal in spite of their files: compression may differ."""
    return (
        one.ids == other.ids
        and np.array_equal(one.scores, other.scores)
        and np.array_equal(one.targets, other.targets)
    )


def _verdict(
    one: RowGroup,
    other: RowGroup,
    trials: Sequence[TrialPair],
    scored: Sequence[Sequence[VideoScores]],
    margin: float,
) -> Verdict:
    if one.first.passport != other.first.passport:
        return _not_comparable("scored on different copies of the data")
    if not trials:
        seeds = " and ".join(", ".join(map(str, group.records)) for group in (one, other))
        return _not_comparable(f"no seed in common: {seeds}")
    if len({scores.ids for side in scored for scores in side}) > 1:
        return _not_comparable("scored on different videos")
    first, second = (mean(trial.top1[side] for trial in trials) for side in (0, 1))
    means = f"{first:.2f} and {second:.2f}"
    if all(trial.is_equal for trial in trials):
        return Verdict(word=EQUAL, sentence=f"{means}, every score to the last bit", estimate=0.0)
    found = _judge(scored, GROUP_SIZES.get(one.first.trial["data"]["name"]), margin)
    return replace(found, sentence=f"{means}: {found.sentence}")


def _judge(
    scored: Sequence[Sequence[VideoScores]], cluster_size: int | None, margin: float
) -> Verdict:
    """Judge whether the second side has the top-1 of the first, seed by seed and video by video."""
    first, second = (
        np.array([video_scores.correct_videos(scores, metric="top1") for scores in side])
        for side in scored
    )
    clusters = np.arange(first.shape[1]) // cluster_size if cluster_size else None
    return judge_same(paired_difference(second, first, clusters=clusters), limit=margin)


def _not_comparable(sentence: str) -> Verdict:
    return Verdict(word=NOT_COMPARABLE, sentence=sentence)


def _missing(group: RowGroup) -> RowDifference:
    return RowDifference(
        rows=group.labels,
        scale=group.scale,
        word=NOT_COMPARABLE,
        sentence=f"in {group.results} alone",
    )


def _changed(one: Record, other: Record) -> str:
    return ", ".join(
        f"{change.path} {format_value(change.one)} for {format_value(change.other)}"
        for change in differences(other.trial, one.trial)
        if change.path != "seed"
    )


def _labels(groups: Sequence[RowGroup]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{group.labels[0]}, {group.scale}" for group in groups))
