"""Power analysis of a plan: the chance of every claim to get its verdict, by the judge's rule.

The printed accuracies are taken for the truth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np

from harness.experiment import COSTS, Claim, Experiment, Origin
from harness.plan import comparisons, grid
from harness.plan.comparisons import Rescale
from harness.record import Record
from harness.specs import Scale
from harness.stats import power, table_power
from harness.utils.escape import counted

DEVIATION_SOURCE = (
    "assumed, not measured: 0.35 for 81.5 % on 5,000 videos, where 0.25 to 0.43 is expected "
    "(arXiv 2304.01910), and in proportion to √(error / videos) elsewhere"
)
MAX_SIMULATED_SEEDS = 100  # of rows that are simulated
SIMULATED = ("best", "trend")


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
        gap: In points.
        videos: The gap in test videos.
    """

    rows: tuple[str, str]
    printed: tuple[float, float]
    gap: float
    videos: float


@dataclass(frozen=True, kw_only=True)
class ClaimPower:
    """The power of a plan for a claim.

    Attributes:
        claim: Text of the claim.
        kind: Kind of the claim.
        origin: Whether the sources state it.
        word: `can be decided` with a power of at least 80 %, `cannot be decided`, `never` if no
            number of seeds decides it here, `counted, not run`, at desk scale `open` or `decided if
            all seeds learn`, or the verdict that the claim will get.
        reason: Reason for a word without a power.
        power: Chance of the claimed verdict; None where it is not known.
        seeds_needed: Fewest seeds per row for 80 %; None where no reasonable number is enough.
        gaps: Printed gaps of the claim.
    """

    claim: str
    kind: str
    origin: Origin
    word: str
    reason: str = ""
    power: float | None = None
    seeds_needed: int | None = None
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PowerAnalysis:
    """The power of a plan of a table.

    Attributes:
        table: Name of the experiment.
        trains: False for a table of costs, which are counted.
        seeds: Seeds per row.
        rows_run_once: Rows with the first of these seeds alone, since no claim needs more.
        test_videos: Number of test videos.
        family: Comparisons of all tables, which are corrected together.
        spread: Standard deviation between seeds.
        smallest: Smallest gap in points of two rows that these seeds show with 80 % power; None
            from a single seed.
        smallest_corrected: The same by the first step of Holm's correction.
        claims: The power for every claim.
    """

    table: str
    trains: bool
    seeds: int
    rows_run_once: int
    test_videos: int
    family: int
    spread: SeedSpread
    smallest: float | None
    smallest_corrected: float | None
    claims: tuple[ClaimPower, ...]


def analyze_power(
    experiment: Experiment,
    *,
    rescale: Rescale,
    scale: Scale,
    seeds: int,
    rows_run_once: int = 0,
    test_videos: int,
    family: int,
    spread: SeedSpread,
) -> PowerAnalysis:
    """Analyse for every claim of a table whether a plan can decide it.

    Args:
        experiment: The table, at paper scale.
        rescale: Trial at paper scale to the trial that runs.
        scale: Name of the scale; printed gaps apply at paper scale only.
        seeds: Per row.
        rows_run_once: Rows with the first of these seeds alone.
        test_videos: Number of test videos.
        family: Comparisons of all tables, which are corrected together.
        spread: Standard deviation between seeds.
    """
    smallest = partial(power.detectable_gap, deviation=spread.points, seeds=seeds)
    plan = _Plan(experiment, rescale, scale, seeds, test_videos, max(family, 1), spread.points)
    return PowerAnalysis(
        table=experiment.name,
        trains=experiment.trains,
        seeds=seeds,
        rows_run_once=rows_run_once,
        test_videos=test_videos,
        family=plan.family,
        spread=spread,
        smallest=smallest() if seeds > 1 else None,
        smallest_corrected=smallest(level=power.LEVEL / plan.family) if seeds > 1 else None,
        claims=tuple(_claim_power(claim, plan) for claim in experiment.claims),
    )


@dataclass(frozen=True, eq=False)
class _Plan:
    experiment: Experiment
    rescale: Rescale
    scale: Scale
    seeds: int
    test_videos: int
    family: int
    deviation: float

    def printed(self, claim: Claim) -> list[float]:
        """Return the printed accuracies of a claim; fewer than its rows if some are missing."""
        rows = comparisons.rows_of(self.experiment, claim)
        return [row.published[claim.metric] for row in rows if claim.metric in row.published]


def seed_spread(
    experiment: Experiment, records: Sequence[Record], *, rescale: Rescale, test_videos: int
) -> SeedSpread:
    """Return the standard deviation pooled over the rows of a table; assumed without records."""
    rows = [
        grid.records_of(row.trial, records, rescale=rescale)
        for row in experiment.rows
        if row.trial is not None and not row.ensemble
    ]
    values = [np.array([record.metrics["top1"] for record in row]) for row in rows if len(row) > 1]
    if not values:
        printed = [row.published["top1"] for row in experiment.rows if "top1" in row.published]
        accuracy = float(np.mean(printed)) if printed else power.DECLARED_ACCURACY
        points = power.expected_deviation(accuracy, test_videos)
        return SeedSpread(points=points, source=DEVIATION_SOURCE, is_measured=False)
    squares = sum(float(((row - row.mean()) ** 2).sum()) for row in values)
    degrees = sum(len(row) - 1 for row in values)
    source = (
        f"measured: {counted(degrees + len(values), 'record')} of {counted(len(values), 'row')}"
    )
    return SeedSpread(points=(squares / degrees) ** 0.5, source=source, is_measured=True)


def _claim_power(claim: Claim, plan: _Plan) -> ClaimPower:
    verdict = partial(ClaimPower, claim=claim.text, kind=claim.kind, origin=claim.origin)
    if claim.metric in COSTS:
        return verdict(word="counted, not run")
    obstacle = comparisons.obstacle(plan.experiment, claim, plan.rescale)
    if obstacle is not None:
        return verdict(word=obstacle.word, reason=obstacle.sentence)
    if reason := _never(claim, plan):
        return verdict(word="never", reason=reason)
    if plan.seeds < 2:
        return verdict(word="cannot be decided", reason="a single seed says nothing of others")
    if plan.scale != "paper":
        return _power_of_ceilings(claim, plan)
    gaps = _gaps(claim, plan)
    if len(plan.printed(claim)) < len(claim.rows):
        return verdict(word="cannot be decided", reason="nothing printed", gaps=gaps)
    chance = _power(claim, plan)
    return verdict(
        word="can be decided" if chance >= power.POWER else "cannot be decided",
        power=chance,
        seeds_needed=_seeds_needed(claim, plan),
        gaps=gaps,
    )


def _never(claim: Claim, plan: _Plan) -> str:
    """Return the reason for which no number of seeds decides a claim; empty if there is none."""
    for row in comparisons.rows_of(plan.experiment, claim):
        if row.trial is None:
            return f"{row.label} is quoted from other work and not run here"
    if claim.trend == "flat":
        return "rows that noise may explain are not shown to be equal; claim `same` with a limit"
    return "mean average precision has no interval here" if claim.metric == "map" else ""


def _power_of_ceilings(claim: Claim, plan: _Plan) -> ClaimPower:
    """Return what ceilings tell of a claim at a scale to which printed gaps do not apply."""
    verdict = partial(ClaimPower, claim=claim.text, kind=claim.kind, origin=claim.origin)
    if claim.kind == "better" and claim.metric == "top1":
        first, second = comparisons.rows_of(plan.experiment, claim)
        assert first.trial is not None
        assert second.trial is not None
        ours, other = plan.rescale(first.trial), plan.rescale(second.trial)
        if comparisons.ceiling(ours) is None and comparisons.ceiling(other) is not None:
            limit = f"{second.label} {comparisons.ceiling_text(other)}"
            reason = f"{limit}; {first.label} passes it in every seed that learns the order"
            return verdict(word="decided if all seeds learn", reason=reason)
    return verdict(word="open", reason=f"no gap is known in advance at {plan.scale} scale")


def _gaps(claim: Claim, plan: _Plan) -> tuple[Gap, ...]:
    """Return the printed gaps of a claim: best with every other, a trend step by step."""
    rows = comparisons.rows_of(plan.experiment, claim)
    pairs = list(pairwise(rows)) if claim.kind == "trend" else [(rows[0], row) for row in rows[1:]]
    gaps = []
    for first, second in pairs:
        if claim.metric in first.published and claim.metric in second.published:
            printed = (first.published[claim.metric], second.published[claim.metric])
            gap = round(printed[0] - printed[1], 6)
            videos = gap / 100 * plan.test_videos
            labels = (first.label, second.label)
            gaps.append(Gap(rows=labels, printed=printed, gap=gap, videos=videos))
    return tuple(gaps)


def _power(claim: Claim, plan: _Plan) -> float:
    """Return the chance of the claimed verdict."""
    if claim.kind == "better":
        return _corrected_powers(plan, claim.metric)[claim]
    return _power_alone(claim, plan)(plan.seeds)


def _power_alone(claim: Claim, plan: _Plan) -> Callable[[int], float]:
    """Return the power for a claim by the number of seeds; a `better` by Bonferroni's level."""
    printed, deviation = plan.printed(claim), plan.deviation
    gap = printed[0] - printed[1]
    if claim.kind == "better":
        level = power.LEVEL / plan.family
        return lambda seeds: (
            power.better_power(gap, deviation=deviation, seeds=seeds, level=level)
            if gap > 0
            else 0.0
        )
    if claim.kind == "same":
        assert claim.limit is not None
        limit = claim.limit
        return lambda seeds: power.same_power(gap, limit=limit, deviation=deviation, seeds=seeds)

    if claim.trend is None:
        return lambda seeds: table_power.best_power(
            table_power.simulate(
                printed, deviation=deviation, seeds=seeds, tables=table_power.RANKED_TABLES
            )
        )
    trend = claim.trend
    return lambda seeds: table_power.trend_power(
        table_power.simulate(printed, deviation=deviation, seeds=seeds), trend
    )


@lru_cache(maxsize=1)
def _corrected_powers(plan: _Plan, metric: str) -> Mapping[Claim, float]:
    """Return the power for `better` claims of a table on a metric, if this table alone has run."""
    claims = [
        claim
        for claim in plan.experiment.claims
        if comparisons.comparison_of(plan.experiment, claim, plan.rescale) is not None
        and len(plan.printed(claim)) == len(claim.rows)
        and claim.metric == metric
    ]
    labels = list(dict.fromkeys(label for claim in claims for label in claim.rows))
    printed = {row.label: row.published for row in plan.experiment.rows}
    accuracies = [printed[label][metric] for label in labels]
    runs = table_power.simulate(accuracies, deviation=plan.deviation, seeds=plan.seeds)
    pairs = [(labels.index(claim.rows[0]), labels.index(claim.rows[1])) for claim in claims]
    powers = table_power.holm_power(runs, pairs, family=max(plan.family, len(pairs)))
    return dict(zip(claims, powers, strict=True))


def _seeds_needed(claim: Claim, plan: _Plan) -> int | None:
    most = MAX_SIMULATED_SEEDS if claim.kind in SIMULATED else power.MAX_SEEDS
    return power.seeds_needed(_power_alone(claim, plan), most=most)
