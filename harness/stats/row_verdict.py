"""Verdicts of a row's accuracy against the printed one, in their order of decision.

First whether the row has run, then whether the two can be compared, then the number. All functions
are pure; accuracies and their differences are in percent points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import stats

from harness.stats.coverage import COMPARABLE, bounds
from harness.stats.verdict import Verdict, seed_interval

DECLARED_DEGREES = 8
MANY_SEEDS = 100
DECISIVE_WORDS = ("reproduced", "lower", "higher")


@dataclass(frozen=True, kw_only=True)
class SeedDeviation:
    """Standard deviation over seeds, and how well it is known.

    Attributes:
        points: Standard deviation from seed to seed.
        degrees: Degrees of freedom of Student's t.
        source: Where it comes from, in words.
    """

    points: float
    degrees: int
    source: str


def seed_deviation(rows: Sequence[Sequence[float]], *, declared: float) -> SeedDeviation:
    """Pool the scatter of seeds over the rows of a table.

    Fewer degrees of freedom than the declared deviation stands for do not replace it: the larger
    of the two counts. So a second seed never makes a table less sure at equal scatter.

    Args:
        rows: Accuracies of each row, one per seed.
        declared: Deviation to expect of such accuracies, before any was measured.
    """
    measured = measured_deviation(rows)
    if measured is not None and (
        measured.degrees >= DECLARED_DEGREES or measured.points > declared
    ):
        return replace(measured, degrees=max(measured.degrees, DECLARED_DEGREES))
    return SeedDeviation(points=declared, degrees=DECLARED_DEGREES, source="declared")


def measured_deviation(rows: Sequence[Sequence[float]]) -> SeedDeviation | None:
    """Pool the scatter of the seeds of each row; None where no row has several."""
    several = [values for values in rows if len(values) > 1]
    degrees = sum(len(values) - 1 for values in several)
    if not degrees:
        return None
    squares = sum(float(np.var(values, ddof=1)) * (len(values) - 1) for values in several)
    source = f"measured on {len(several)} {'row' if len(several) == 1 else 'rows'}"
    return SeedDeviation(points=math.sqrt(squares / degrees), degrees=degrees, source=source)


def not_run_verdict() -> Verdict:
    """Return the verdict of a row that has not run."""
    return Verdict(word="not run", sentence="no record; run the table")


def quoted_verdict() -> Verdict:
    """Return the verdict of a row that only quotes other work."""
    return Verdict(word="not run", sentence="quoted from other work, not run here")


def interrupted_verdict() -> Verdict:
    """Return the verdict of a row whose trial was started and not finished."""
    return Verdict(
        word="interrupted", sentence="started and not finished; run the table again to go on"
    )


def failed_verdict(reason: str) -> Verdict:
    """Return the verdict of a row whose trial ended without a record, with the reason."""
    return Verdict(word="failed", sentence=reason)


def stale_verdict(count: int, of: int) -> Verdict:
    """Return the verdict of a row whose records were made by other code."""
    sentence = f"{count} of {of} records were made by other code; run the table again"
    return Verdict(word="stale", sentence=sentence)


def coverage_text(*, correct: int | None, scored: int, listed: int) -> str:
    """Return what missing videos mean for an accuracy; an empty text if none is missing.

    Args:
        correct: Videos that were right; None where the accuracy is no share of videos.
        scored: Videos that were tested.
        listed: Videos of the whole list.
    """
    if scored >= listed:
        return ""
    text = f"scored {scored:,} of {listed:,} videos"
    if correct is None:
        return text
    low, high = map(float, bounds(correct, scored, listed))
    return f"{text}; the whole list would give {low:.1f} to {high:.1f}"


def coverage_verdict(*, correct: int | None, scored: int, listed: int) -> Verdict | None:
    """Refuse a comparison where too many videos are missing; None where enough were scored."""
    if scored >= COMPARABLE * listed:
        return None
    sentence = coverage_text(correct=correct, scored=scored, listed=listed)
    return Verdict(word="not comparable", sentence=sentence)


def desk_verdict(values: Sequence[float]) -> Verdict:
    """Return the verdict of a desk accuracy: measured, not an estimate of the printed one."""
    sentence = f"{range_text(values)} measured at desk scale; no estimate of the printed one"
    return Verdict(word="desk scale", sentence=sentence)


def range_text(values: Sequence[float], *, ceiling: float | None = None) -> str:
    """Return the mean of seeds with their range, which claims nothing of other seeds.

    Seeds that succeed or fail as a whole make Student's interval far too narrow, or absurdly wide.

    Args:
        values: One per seed, at least one.
        ceiling: Where some seeds are above it and some are not, their numbers are told.
    """
    count, mean = len(values), float(np.mean(values))
    if count == 1:
        return f"{mean:.1f} (1 seed)"
    spread = f"{mean:.1f} ({min(values):.1f} to {max(values):.1f}"
    above = 0 if ceiling is None else sum(value > ceiling for value in values)
    if 0 < above < count:
        return f"{spread}; {above} of {count} seeds above the {ceiling:.0f} % ceiling)"
    return f"{spread}, {count} seeds)"


def own_verdict(values: Sequence[float]) -> Verdict:
    """Return the verdict of an accuracy on own terms: measured, no estimate of a printed one."""
    sentence = f"{_mean_text(values)} measured on terms of your own; no estimate of the printed one"
    return Verdict(word="own run", sentence=sentence)


def _mean_text(values: Sequence[float]) -> str:
    measured = seed_interval(values)
    spread = "" if measured.half_width is None else f" ± {measured.half_width:.1f}"
    return f"{measured.mean:.1f}{spread} ({seeds_text(len(values))})"


def unknown_scatter_verdict(values: Sequence[float], *, printed: float) -> Verdict:
    """Return the verdict of an accuracy whose scatter is neither declared nor measured."""
    sentence = (
        f"{_mean_text(values)}, paper {printed:.1f}: no deviation of mean average precision from "
        "seed to seed is declared; a second seed of a row would measure it"
    )
    return Verdict(word="undecided", sentence=sentence)


def accuracy_verdict(
    values: Sequence[float], *, printed: float, margin: float, deviation: SeedDeviation
) -> Verdict:
    """Compare an accuracy with the printed one, which is a single run that scatters as much.

    Args:
        values: One per seed, at least one.
        printed: By the paper.
        margin: Points within which the two count as the same.
        deviation: From seed to seed.
    """
    seeds, mean = len(values), float(np.mean(values))
    found = _compare(mean - printed, seeds=seeds, margin=margin, deviation=deviation)
    half = deviation.points / math.sqrt(seeds) * _quantile(0.95, deviation)
    measured = f"{mean:.1f} ± {half:.1f} ({seeds_text(seeds)}), paper {printed:.1f}"
    more = (
        ""
        if found.word in DECISIVE_WORDS
        else f"; {_seeds_to_decide(found, seeds, margin, deviation)}"
    )
    scatter = f"seeds deviate by {deviation.points:.2f}, {deviation.source}"
    p = _equivalence_p(margin - abs(mean - printed), seeds, deviation)
    return replace(found, sentence=f"{measured}: {found.sentence}{more}; {scatter}", p=p)


def _compare(gap: float, *, seeds: int, margin: float, deviation: SeedDeviation) -> Verdict:
    scatter = _difference_deviation(seeds, deviation)
    inner, outer = (scatter * _quantile(share, deviation) for share in (0.90, 0.95))
    is_same = abs(gap) + inner <= margin
    return decide(gap, (gap - outer, gap + outer), is_same=is_same, margin=margin)


def decide(gap: float, outer: tuple[float, float], *, is_same: bool, margin: float) -> Verdict:
    """Return the verdict of a difference from a printed accuracy.

    Args:
        gap: The difference.
        outer: Its 95 % interval.
        is_same: Whether its 90 % interval lies within the margin.
        margin: Points within which two accuracies count as the same.
    """
    low, high = outer
    word, sentence = "undecided", f"the difference is {low:+.1f} to {high:+.1f}"
    if is_same:
        word, sentence = "reproduced", f"same within ± {margin:g}"
    elif high < -margin:
        word, sentence = "lower", f"lower by {-high:.1f} to {-low:.1f}"
    elif low > margin:
        word, sentence = "higher", f"higher by {low:.1f} to {high:.1f}"
    elif low <= 0 <= high:
        word, sentence = "consistent, not confirmed", "nothing speaks against it"
    return Verdict(word=word, sentence=sentence, estimate=gap, low=low, high=high)


def _seeds_to_decide(found: Verdict, seeds: int, margin: float, deviation: SeedDeviation) -> str:
    assert found.estimate is not None
    for more in range(1, MANY_SEEDS):
        then = _compare(found.estimate, seeds=seeds + more, margin=margin, deviation=deviation)
        if then.word in DECISIVE_WORDS:
            return f"{more} more {'seed' if more == 1 else 'seeds'} would decide"
    return "no number of seeds would decide, as the printed one is taken for that of a single run"


@cache
def _quantile(share: float, deviation: SeedDeviation) -> float:
    return float(stats.t.ppf((1 + share) / 2, deviation.degrees))


def _equivalence_p(distance: float, seeds: int, deviation: SeedDeviation) -> float:
    """Return the p of two one-sided tests, the larger of theirs."""
    scatter = _difference_deviation(seeds, deviation)
    if not scatter:
        return float(distance < 0)
    return float(stats.t.sf(distance / scatter, deviation.degrees))


def _difference_deviation(seeds: int, deviation: SeedDeviation) -> float:
    """Return the deviation of a mean over seeds from the single run taken to be printed."""
    return deviation.points * math.sqrt(1 / seeds + 1)


def seeds_text(count: int) -> str:
    """Return the number of seeds as text."""
    return "1 seed" if count == 1 else f"{count} seeds"
