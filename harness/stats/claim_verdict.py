"""Verdicts of claims: words and sentences, from numbers alone.

Differences are in percent points. Draws are those of `harness.stats.resampling`, rows in the order
of their labels. Axes: R rows, D draws.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
from jaxtyping import Float

from harness.experiment import Trend
from harness.stats.paired import Difference, equivalence
from harness.stats.power import LEVEL, MAX_SEEDS, better_power, seeds_needed, videos_needed
from harness.stats.resampling import Draws
from harness.stats.row_verdict import seeds_text
from harness.stats.verdict import Verdict, has_printed_digits

CONFIDENCE = 0.95
Means = Float[np.ndarray, " R"]
_LEAST_WIDTH = 1e-6  # of a lead that does not vary, such as that of a row over itself
Shape = Literal["rising", "falling", "flat within noise", "peak", "undecided"]
TREND_SHAPES: dict[Trend, Shape] = {
    "rising": "rising",
    "falling": "falling",
    "flat": "flat within noise",
    "peak": "peak",
}


def judge_better(
    gap: Difference, *, p: float, family: int = 1, printed: float | None = None
) -> Verdict:
    """Judge that the first row is above the second.

    Args:
        gap: Measured.
        p: That of the gap, adjusted for all comparisons of the family.
        family: Number of these comparisons.
        printed: The printed gap, where the two may be compared.
    """
    if gap.seeds == 1:
        return _single_run_verdict(gap)
    after = f" after Holm over {family} comparisons" if family > 1 else ""
    measured = (
        f"difference {gap.estimate:+.1f} ({gap.low:+.1f} to {gap.high:+.1f}, "
        f"{_runs_text(gap.seeds)}), {_p_text(p)}{after}, "
        f"probability of improvement {gap.improvement:.2f}"
    )
    word, more = "inside the noise", ""
    if p >= LEVEL or gap.low <= 0 <= gap.high:
        more = "" if printed is None else f"; {_power_text(gap, printed, family)}"
    elif gap.estimate < 0:
        word = "reversed"
    elif printed is not None and gap.high < printed / 2:
        word, more = "supported, smaller than claimed", f"; printed: {printed:+.1f}"
    else:
        word = "supported"
    return _gap_verdict(gap, word=word, sentence=measured + more, p=p)


def judge_same(gap: Difference, *, limit: float) -> Verdict:
    """Judge that two rows differ by less than a limit, by two one-sided tests."""
    if gap.seeds == 1:
        return _single_run_verdict(gap)
    low, high = gap.inner
    measured = (
        f"difference {gap.estimate:+.1f} (90 %: {low:+.1f} to {high:+.1f}, {_runs_text(gap.seeds)})"
    )
    if -limit < low and high < limit:
        word, more = f"same within ± {limit:g}", ""
    elif gap.low > limit or gap.high < -limit:
        word, more = "not the same", f"; differs by more than {limit:g}"
    else:
        word, more = "undecided", f"; within ± {limit:g} or not, more seeds would tell"
    return _gap_verdict(gap, word=word, sentence=measured + more, p=equivalence(gap, limit=limit))


def judge_overhead(first: Fraction, second: Fraction, *, limit: float) -> Verdict:
    """Judge that the first count is at most so many percent above the second, exactly."""
    over = 100 * (first / second - 1)
    word = "true" if over <= Fraction(str(limit)) else "false"
    sentence = (
        f"{_count_text(first)} and {_count_text(second)}: {float(over):+.4f} %, at most {limit:g} %"
    )
    return Verdict(word=word, sentence=sentence, estimate=float(over))


def judge_ratio(
    first: Fraction, second: Fraction, *, limit: float, printed: float | None = None
) -> Verdict:
    """Judge that the first count is so many times the second, to the digits of the claim.

    Args:
        first: Count of the first row.
        second: Count of the second row.
        limit: The claimed ratio.
        printed: Ratio of the printed figures, which may follow other rules than the counts; the
            word then says for which of the two the claim is true.
    """
    times = float(first / second)
    is_met = has_printed_digits(times, limit)
    counts = f"{_count_text(first)} and {_count_text(second)}: {times:.4f} times"
    if printed is None:
        word, sentence = "true" if is_met else "false", f"{counts}, claimed as {limit:g}"
    else:
        word = _ratio_word(is_met, has_printed_digits(printed, limit))
        sentence = f"{printed:.2f} times as printed, claimed as {limit:g}; counted {counts}"
    return Verdict(word=word, sentence=sentence, estimate=times)


def _ratio_word(is_met: bool, is_met_as_printed: bool) -> str:
    if is_met == is_met_as_printed:
        return "true" if is_met else "false"
    return "true as printed" if is_met_as_printed else "true as counted"


def judge_best(means: Means, draws: Draws, labels: Sequence[str], *, seeds: int) -> Verdict:
    """Judge that the first row is the best of all: never a single bold number.

    Args:
        means: Measured accuracy of each row.
        draws: Draws around them.
        labels: Of the rows.
        seeds: Runs of each row.
    """
    tops = (draws == draws.max(axis=1, keepdims=True)).astype(float)
    chance = float((tops / tops.sum(axis=1, keepdims=True)).mean(axis=0)[0])
    order = np.argsort(-means, kind="stable")
    group = [labels[row] for row in order if _is_in_top_group(row, means, draws)]
    best = f"{labels[0]} is best with probability {chance:.2f}"
    if len(group) == len(labels) or seeds == 1:
        sentence = f"{best}; each of the {len(labels)} rows may be the best ({_runs_text(seeds)})"
        return Verdict(word="undecided", sentence=sentence, estimate=chance)
    word = "in the top group" if labels[0] in group else "not the best"
    return Verdict(
        word="best" if group == [labels[0]] else word,
        sentence=f"{best}; top group: {', '.join(group)} ({_runs_text(seeds)})",
        estimate=chance,
    )


def _is_in_top_group(row: int, means: Means, draws: Draws) -> bool:
    """Return whether no other row leads by more than chance allows if this row is the best (Hsu).

    Every competitor has a limit of its own, in proportion to the noise of its lead: one that
    scatters widely hides no other.
    """
    noise = draws - means
    leads = noise - noise[:, [row]]
    widths = np.maximum(np.quantile(leads, CONFIDENCE, axis=0), _LEAST_WIDTH)
    by_chance = np.quantile((leads / widths).max(axis=1), CONFIDENCE)
    return bool((means - means[row] <= by_chance * widths).all())


def judge_trend(
    means: Means, draws: Draws, labels: Sequence[str], *, claimed: Trend, seeds: int
) -> Verdict:
    """Judge the shape that a metric takes along rows.

    Args:
        means: Measured accuracy of each row.
        draws: Draws around them.
        labels: Of the rows, in the order of the axis.
        claimed: The shape that is claimed.
        seeds: Runs of each row.
    """
    shape: Shape = "undecided" if seeds == 1 else _shape(means, draws)
    slopes = _slopes(draws)
    low, high = np.quantile(slopes, [0.025, 0.975])
    slope = float(_slopes(means[None])[0])
    word = f"peak at {labels[int(means.argmax())]}" if shape == "peak" else shape
    as_claimed = (
        "as claimed" if shape == TREND_SHAPES[claimed] else f"the claim is {TREND_SHAPES[claimed]}"
    )
    sentence = (
        f"rows span {np.ptp(means):.1f}, noise alone up to {_noise_span(means, draws):.1f}; "
        f"slope {slope:+.1f} a row ({low:+.1f} to {high:+.1f}, {_runs_text(seeds)}); "
        f"{_order_text(means, draws)}"
    )
    return Verdict(
        word=word,
        sentence=f"{as_claimed}; {sentence}",
        estimate=slope,
        low=float(low),
        high=float(high),
    )


def _shape(means: Means, draws: Draws) -> Shape:
    if np.ptp(means) <= _noise_span(means, draws):
        return "flat within noise"
    top = int(means.argmax())
    ends = draws[:, [0, -1]]
    if 0 < top < len(means) - 1 and (_lower_bounds(draws[:, [top]] - ends) > 0).all():
        return "peak"
    slopes = _slopes(draws)[:, None]
    if _lower_bounds(slopes) > 0:
        return "rising"
    return "falling" if _lower_bounds(-slopes) > 0 else "undecided"


def _noise_span(means: Means, draws: Draws) -> float:
    """Return what equal rows would span at most, in 95 of 100 such tables."""
    return float(np.quantile(np.ptp(draws - means, axis=1), CONFIDENCE))


def _lower_bounds(draws: Draws) -> Means:
    quantile: Means = np.quantile(draws, 0.025, axis=0)
    return quantile


def _slopes(draws: Draws) -> Float[np.ndarray, " D"]:
    """Fit a line to each draw, rows at equal steps; added row by row, as on every processor."""
    places = np.arange(draws.shape[1]) - (draws.shape[1] - 1) / 2
    slopes: Float[np.ndarray, " D"] = np.zeros(len(draws))
    for place, row in zip(places / np.square(places).sum(), draws.T, strict=True):
        slopes += place * row
    return slopes


def _order_text(means: Means, draws: Draws) -> str:
    """Return how well the rows are in order, beside how well two repeats would agree."""
    steps = _step_signs(draws)
    along = _step_signs(means[None]).mean()
    repeats = np.random.default_rng(0).permutation(steps)
    ceiling = (steps * repeats).mean()
    return f"Kendall's τ {along:+.2f} along the rows, {ceiling:+.2f} between repeats on average"


def _step_signs(draws: Draws) -> Float[np.ndarray, "D pairs"]:
    """Return the sign of the step between every two rows."""
    first, second = np.triu_indices(draws.shape[1], 1)
    steps: Float[np.ndarray, "D pairs"] = np.sign(draws[:, second] - draws[:, first])
    return steps


def _power_text(gap: Difference, printed: float, family: int) -> str:
    """Return the number of seeds or videos that would show the printed gap."""
    sought, level = round(abs(printed), 2), LEVEL / family
    if not sought:
        return "no number of seeds shows a gap of 0"
    needs = []
    if gap.deviation:
        deviation = gap.deviation
        seeds = seeds_needed(
            lambda count: better_power(sought, deviation=deviation, seeds=count, level=level)
        )
        needs.append(f"{seeds:,} seeds of each" if seeds else f"over {MAX_SEEDS:,} seeds of each")
    if gap.disagreement:
        videos = videos_needed(sought, disagreement=gap.disagreement, level=level)
        needs.append(f"one run of each on {videos:,} videos")
    return f"a gap of {sought:.1f} needs {' or '.join(needs)}" if needs else "no difference"


def _single_run_verdict(gap: Difference) -> Verdict:
    """Return the verdict of two single runs: nothing is known of how seeds scatter."""
    sentence = (
        f"difference {gap.estimate:+.1f} ({gap.low:+.1f} to {gap.high:+.1f} over other videos, "
        f"{_p_text(gap.p)}) of {_runs_text(1)}"
    )
    return _gap_verdict(gap, word="undecided", sentence=sentence, p=1.0)


def _gap_verdict(gap: Difference, *, word: str, sentence: str, p: float) -> Verdict:
    return Verdict(
        word=word, sentence=sentence, estimate=gap.estimate, low=gap.low, high=gap.high, p=p
    )


def _runs_text(seeds: int) -> str:
    alone = ", which says nothing of others" if seeds == 1 else ""
    return f"{seeds_text(seeds)}{alone}"


def _p_text(p: float) -> str:
    return "p under 0.001" if p < 0.001 else f"p = {p:.3f}"


def _count_text(value: Fraction) -> str:
    return f"{value.numerator:,}" if value.denominator == 1 else f"{float(value):,.1f}"
