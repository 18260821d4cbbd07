"""Verdicts on a number against a printed one, as a word and a sentence: pure functions.

Accuracies and their differences are in percent points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Literal

import numpy as np
from scipy import stats


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A word that a reader may count on, and the sentence that it stands for.

    Attributes:
        word: See docs/statistics.md.
        sentence: With the numbers, and with what would decide where nothing is decided.
        estimate: The difference or the probability that was judged; None before any number.
        low: Lower end of its 95 % interval.
        high: Upper end of it.
        p: Probability of a difference like this by chance, after Holm where several are judged.
    """

    word: str
    sentence: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean over seeds, and half the width of its interval; None from a single seed."""

    mean: float
    half_width: float | None
    seeds: int


def seed_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return the mean of several seeds with Student's interval.

    Args:
        values: One per seed, at least one.
        confidence: Share of such intervals that hold the true mean.
    """
    seeds = len(values)
    mean = float(np.mean(values))
    if seeds == 1:
        return Interval(mean=mean, half_width=None, seeds=1)
    quantile = stats.t.ppf((1 + confidence) / 2, seeds - 1)
    half = float(quantile * np.std(values, ddof=1) / np.sqrt(seeds))
    return Interval(mean=mean, half_width=half, seeds=seeds)


@dataclass(frozen=True, kw_only=True)
class Match:
    """The verdict of a counted figure against a printed one.

    Attributes:
        word: The verdict.
        convention: The other convention under which the digits meet, or what differs.
        counted: Under our own convention.
        printed: As printed.
    """

    word: Literal["exact", "exact, other convention", "different"]
    convention: str
    counted: float
    printed: float


def match_figure(
    printed: float, counted: float, others: Mapping[str, float], *, may_be_cut: bool = False
) -> Match:
    """Compare a counted figure with a printed one, to the printed digit.

    Args:
        printed: With the digits that are printed: 143.0 has one decimal, 503 none.
        counted: Under our own convention.
        others: The same figure under other conventions, most usual first.
        may_be_cut: Whether its source is known to cut digits off, not to round them.
    """
    if has_printed_digits(counted, printed):
        return Match(word="exact", convention="", counted=counted, printed=printed)
    truncated = {
        f"{convention}, truncated".removeprefix(", "): value
        for convention, value in {"": counted, **others}.items()
        if may_be_cut
    }
    for conventions, rounding in ((others, ROUND_HALF_UP), (truncated, ROUND_DOWN)):
        for convention, value in conventions.items():
            if has_printed_digits(value, printed, rounding=rounding):
                word: Literal["exact, other convention"] = "exact, other convention"
                return Match(word=word, convention=convention, counted=counted, printed=printed)
    gaps = {name: value / printed - 1 for name, value in {"": counted, **others}.items()}
    nearest = min(gaps, key=lambda name: abs(gaps[name]))
    gap = f"{100 * gaps[nearest]:+.2f} % {nearest}".rstrip()
    return Match(word="different", convention=gap, counted=counted, printed=printed)


def round_digits(value: float | None) -> float | None:
    """Round to what every processor agrees on, and far below what is measured."""
    return None if value is None else float(f"{value:.10g}")


def has_printed_digits(value: float, printed: float, *, rounding: str = ROUND_HALF_UP) -> bool:
    """Return whether a value rounds to the printed digits."""
    shown = Decimal(str(printed))
    return Decimal(str(value)).quantize(shown, rounding) == shown
