"""What a plan can decide before it runs: printed gaps beside the smallest gap it would find."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from textwrap import fill
from typing import Any, Literal

import numpy as np

from harness.experiment import COSTS, Claim, Experiment
from harness.plan import grid
from harness.record import Record
from harness.specs import Trial
from harness.stats import power

DEVIATION = 0.35
DEVIATION_SOURCE = (
    "declared for 81.5 % on 5,000 videos: between 0.25 and 0.43 is expected there "
    "(arXiv 2304.01910), measured by nobody"
)
DISAGREEMENT = 10.0  # percent; of equally good networks at 81.5 %, 10 to 14 are expected
Word = Literal["can be decided", "cannot be decided", "counted, not run", "nothing printed"]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The deviation from seed to seed, in points, and who says so."""

    points: float
    source: str
    measured: bool


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A printed gap that a claim compares.

    Attributes:
        rows: The first against the second.
        printed: What is printed of each, in percent.
        gap: In points; for a claim of sameness the limit, which is what must be seen.
        videos: The gap in test videos.
        seeds_needed: Of each row; None for a gap of nothing.
        videos_needed: Test videos that would show it with one seed of each row; likewise.
        found: True if the plan would find it.
    """

    rows: tuple[str, str]
    printed: tuple[float, float]
    gap: float
    videos: float
    seeds_needed: int | None
    videos_needed: int | None
    found: bool


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What becomes of a claim: decided if every gap in it would be found."""

    claim: str
    kind: str
    word: Word
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What a plan of a table can tell apart, with 80 % power at 5 %, two-sided.

    Attributes:
        table: Name of the experiment.
        trains: False for a table of costs, which are counted.
        seeds: Of each row.
        test_videos: That every row is scored on.
        spread: From seed to seed.
        smallest: Smallest gap in points that these seeds find, on these very videos.
        smallest_one_run: Smallest gap that one seed of each row finds of all such videos.
        claims: One by one.
    """

    table: str
    trains: bool
    seeds: int
    test_videos: int
    spread: Spread
    smallest: float
    smallest_one_run: float
    claims: tuple[Prospect, ...]


def resolution(
    experiment: Experiment, *, seeds: int, test_videos: int, spread: Spread
) -> Resolution:
    """Say of every claim of a table whether a plan can decide it."""
    smallest = power.detectable_gap(deviation=spread.points, seeds=seeds)
    return Resolution(
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
            _prospect(claim, experiment, spread, smallest, test_videos)
            for claim in experiment.claims
        ),
    )


def spread(
    experiment: Experiment, records: Sequence[Record], *, scale: Callable[[Trial], Trial]
) -> Spread:
    """Return the deviation that all rows of a table share, or what is declared without records."""
    found = [grid.records_of(row, records, scale=scale) for row in experiment.rows]
    values = [np.array([each.metrics["top1"] for each in row]) for row in found if len(row) > 1]
    if not values:
        return Spread(points=DEVIATION, source=DEVIATION_SOURCE, measured=False)
    squares = sum(float(((row - row.mean()) ** 2).sum()) for row in values)
    free = sum(len(row) - 1 for row in values)
    said = f"measured: {free + len(values)} records of {len(values)} rows"
    return Spread(points=(squares / free) ** 0.5, source=said, measured=True)


def _prospect(
    claim: Claim, experiment: Experiment, spread: Spread, smallest: float, test_videos: int
) -> Prospect:
    gaps = []
    if claim.metric not in COSTS:
        printed = {row.label: row.published.get(claim.metric) for row in experiment.rows}
        for first, second in _pairs(claim):
            one, other = printed[first], printed[second]
            if one is not None and other is not None:
                gap = round(one - other, 6) if claim.limit is None else claim.limit
                gaps.append(_gap((first, second), (one, other), gap, spread, smallest, test_videos))
    return Prospect(claim=claim.text, kind=claim.kind, word=_word(claim, gaps), gaps=tuple(gaps))


def _pairs(claim: Claim) -> list[tuple[str, str]]:
    """Return the rows that a claim compares: the best with each other one, a trend step by step."""
    if claim.kind == "trend":
        return list(pairwise(claim.rows))
    return [(claim.rows[0], other) for other in claim.rows[1:]]


def _gap(
    rows: tuple[str, str],
    printed: tuple[float, float],
    gap: float,
    spread: Spread,
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
        found=abs(gap) >= smallest,
    )


def _word(claim: Claim, gaps: Sequence[Gap]) -> Word:
    if claim.metric in COSTS:
        return "counted, not run"
    if len(gaps) < len(_pairs(claim)):
        return "nothing printed"
    return "can be decided" if all(gap.found for gap in gaps) else "cannot be decided"


def as_json(found: Resolution) -> dict[str, Any]:
    """Return a resolution as JSON holds it."""
    return asdict(found)


def text(found: Resolution) -> str:
    """Say what a plan can tell apart, claim by claim."""
    lines = [fill(_head(found), width=100, subsequent_indent="  ")]
    for prospect in found.claims:
        lines.append(f"  {prospect.claim} ({prospect.kind}): {prospect.word}")
        lines += [f"    {_sentence(gap, prospect, found)}" for gap in prospect.gaps]
    return "\n".join(lines)


def _head(found: Resolution) -> str:
    if not found.trains:
        return f"{found.table}: nothing is trained, its claims are counted"
    seeds = "1 seed" if found.seeds == 1 else f"{found.seeds} seeds"
    return (
        f"{found.table}: {seeds} a row find gaps from {found.smallest:.2f} points on (deviation "
        f"{found.spread.points:.2f}, {found.spread.source}); one seed a row, for all videos like "
        f"these {found.test_videos:,}, from {found.smallest_one_run:.2f} on. Gaps as printed:"
    )


def _sentence(gap: Gap, prospect: Prospect, found: Resolution) -> str:
    one, other = gap.printed
    head = f"{one} against {other} ({gap.rows[0]} against {gap.rows[1]})"
    if prospect.kind == "same":
        head += f", to see a difference of {gap.gap:g}"
    if gap.seeds_needed is None:
        return f"{head}: no gap is printed, and no number of seeds shows none"
    return (
        f"{head}: {abs(gap.videos):,.3g} videos of {found.test_videos:,}; {gap.seeds_needed} seeds "
        f"a row, or one on {gap.videos_needed:,} videos; "
        f"{'can be decided' if gap.found else 'cannot be decided'}"
    )
