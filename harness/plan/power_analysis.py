"""Power analysis of a plan: printed gaps beside the smallest detectable gap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import fill
from typing import Any, Literal

import numpy as np

from harness.experiment import COSTS, Claim, Experiment, Origin
from harness.plan import grid, json_names
from harness.record import Record
from harness.specs import Trial
from harness.stats import power

DEVIATION = 0.35
DEVIATION_SOURCE = (
    "assumed for 81.5 % on 5,000 videos, not measured: 0.25 to 0.43 is expected there, "
    "arXiv 2304.01910"
)
DISAGREEMENT = 10.0  # percent; 10 to 14 are expected of equally good networks at 81.5 %
Word = Literal["can be decided", "cannot be decided", "counted, not run", "nothing printed"]


@dataclass(frozen=True, kw_only=True)
class SeedSpread:
    """The standard deviation between seeds, in points, with its source."""

    points: float
    source: str
    is_measured: bool


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A printed gap that a claim compares.

    Attributes:
        rows: The first against the second.
        printed: Printed accuracy of both, in percent.
        gap: In points; for a claim of sameness its limit, which must be detectable.
        videos: The gap in test videos.
        seeds_needed: Seeds per row; None for a gap of zero.
        videos_needed: Test videos needed with one seed per row; None for a gap of zero.
        is_detectable: True if the plan has the power to detect the gap.
    """

    rows: tuple[str, str]
    printed: tuple[float, float]
    gap: float
    videos: float
    seeds_needed: int | None
    videos_needed: int | None
    is_detectable: bool


@dataclass(frozen=True, kw_only=True)
class ClaimPower:
    """The power of a plan for a claim: it can be decided if every gap in it is detectable."""

    claim: str
    kind: str
    origin: Origin
    word: Word
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, kw_only=True)
class PowerAnalysis:
    """The power of a plan of a table: detectable gaps at 80 % power, 5 %, two-sided.

    Attributes:
        table: Name of the experiment.
        trains: False for a table of costs, which are counted.
        seeds: Seeds per row.
        test_videos: Number of test videos.
        spread: Standard deviation between seeds.
        smallest: Smallest detectable gap in points with these seeds, on these test videos.
        smallest_one_run: The same with one seed per row, for all videos like these.
        claims: The power for every claim.
    """

    table: str
    trains: bool
    seeds: int
    test_videos: int
    spread: SeedSpread
    smallest: float
    smallest_one_run: float
    claims: tuple[ClaimPower, ...]


def analyze_power(
    experiment: Experiment, *, seeds: int, test_videos: int, spread: SeedSpread
) -> PowerAnalysis:
    """Analyse for every claim of a table whether a plan can decide it."""
    smallest = power.detectable_gap(deviation=spread.points, seeds=seeds)
    return PowerAnalysis(
        table=experiment.name,
        trains=experiment.trains,
        seeds=seeds,
        test_videos=test_videos,
        spread=spread,
        smallest=smallest,
        smallest_one_run=power.detectable_gap_of_videos(
            videos=test_videos, disagreement=DISAGREEMENT
        ),
        claims=tuple(
            _claim_power(claim, experiment, spread, smallest, test_videos)
            for claim in experiment.claims
        ),
    )


def seed_spread(
    experiment: Experiment, records: Sequence[Record], *, rescale: Callable[[Trial], Trial]
) -> SeedSpread:
    """Return the standard deviation pooled over the rows of a table; assumed without records."""
    rows = [grid.records_of(row, records, rescale=rescale) for row in experiment.rows]
    values = [np.array([record.metrics["top1"] for record in row]) for row in rows if len(row) > 1]
    if not values:
        return SeedSpread(points=DEVIATION, source=DEVIATION_SOURCE, is_measured=False)
    squares = sum(float(((row - row.mean()) ** 2).sum()) for row in values)
    degrees = sum(len(row) - 1 for row in values)
    source = f"measured: {degrees + len(values)} records of {len(values)} rows"
    return SeedSpread(points=(squares / degrees) ** 0.5, source=source, is_measured=True)


def _claim_power(
    claim: Claim, experiment: Experiment, spread: SeedSpread, smallest: float, test_videos: int
) -> ClaimPower:
    gaps = []
    if claim.metric not in COSTS:
        printed = {row.label: row.published.get(claim.metric) for row in experiment.rows}
        for first, second in _pairs(claim):
            one, other = printed[first], printed[second]
            if one is not None and other is not None:
                gap = round(one - other, 6) if claim.limit is None else claim.limit
                gaps.append(_gap((first, second), (one, other), gap, spread, smallest, test_videos))
    return ClaimPower(
        claim=claim.text,
        kind=claim.kind,
        origin=claim.origin,
        word=_word(claim, gaps),
        gaps=tuple(gaps),
    )


def _pairs(claim: Claim) -> list[tuple[str, str]]:
    """Return the pairs of rows of a claim: best with every other, a trend step by step."""
    if claim.kind == "trend":
        return list(pairwise(claim.rows))
    return [(claim.rows[0], other) for other in claim.rows[1:]]


def _gap(
    rows: tuple[str, str],
    printed: tuple[float, float],
    gap: float,
    spread: SeedSpread,
    smallest: float,
    test_videos: int,
) -> Gap:
    return Gap(
        rows=rows,
        printed=printed,
        gap=gap,
        videos=gap / 100 * test_videos,
        seeds_needed=power.seeds_needed(gap, deviation=spread.points) if gap else None,
        videos_needed=power.videos_needed(gap, disagreement=DISAGREEMENT) if gap else None,
        is_detectable=abs(gap) >= smallest,
    )


def _word(claim: Claim, gaps: Sequence[Gap]) -> Word:
    if claim.metric in COSTS:
        return "counted, not run"
    if len(gaps) < len(_pairs(claim)):
        return "nothing printed"
    return "can be decided" if all(gap.is_detectable for gap in gaps) else "cannot be decided"


def as_json(analysis: PowerAnalysis) -> dict[str, Any]:
    """Return a power analysis as JSON holds it."""
    return json_names.as_dict(analysis, {"is_measured": "measured", "is_detectable": "found"})


def text(analysis: PowerAnalysis) -> str:
    """Return a power analysis as text, claim by claim."""
    lines = [fill(_head(analysis), width=100, subsequent_indent="  ")]
    for claim in analysis.claims:
        lines.append(f"  {claim.claim} ({claim.kind}, {claim.origin}): {claim.word}")
        lines += [f"    {_sentence(gap, claim, analysis)}" for gap in claim.gaps]
    return "\n".join(lines)


def _head(analysis: PowerAnalysis) -> str:
    if not analysis.trains:
        return f"{analysis.table}: nothing is trained; its claims are decided by counting"
    seeds = "1 seed" if analysis.seeds == 1 else f"{analysis.seeds} seeds"
    spread = analysis.spread
    return (
        f"{analysis.table}: {seeds} per row detect gaps of at least {analysis.smallest:.2f} points "
        f"on these {analysis.test_videos:,} videos (standard deviation between seeds "
        f"{spread.points:.2f}, {spread.source}); one seed per row detects gaps of at least "
        f"{analysis.smallest_one_run:.2f} points for all videos like these. Gaps as printed:"
    )


def _sentence(gap: Gap, claim: ClaimPower, analysis: PowerAnalysis) -> str:
    one, other = gap.printed
    head = f"{one} against {other} ({gap.rows[0]} against {gap.rows[1]})"
    if claim.kind == "same":
        head += f", to detect a difference of {gap.gap:g}"
    if gap.seeds_needed is None:
        return f"{head}: the printed gap is zero, which no number of seeds can prove"
    return (
        f"{head}: {abs(gap.videos):,.3g} videos of {analysis.test_videos:,}; needs "
        f"{gap.seeds_needed} seeds per row, or one on {gap.videos_needed:,} videos; "
        f"{'can be decided' if gap.is_detectable else 'cannot be decided'}"
    )
