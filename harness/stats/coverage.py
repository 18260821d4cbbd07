"""Exact bounds of an accuracy over a list of which some videos are missing."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

COMPARABLE = Fraction(98, 100)
_EXAMPLE = Fraction(815, 10)


def bounds(correct: int, present: int, listed: int) -> tuple[Fraction, Fraction]:
    """Return the least and the greatest accuracy on a whole list, in percent.

    Args:
        correct: Videos that were right.
        present: Videos that were scored.
        listed: Videos of the whole list; those missing may be all wrong or all right.
    """
    low = Fraction(100 * correct, listed)
    return low, low + Fraction(100 * (listed - present), listed)


def coverage_sentences(split: str, present: int, listed: int) -> str:
    """Return one or two sentences on what missing videos mean for an accuracy."""
    text = f"{split}: {present:,} of {listed:,} videos are good"
    if present == listed:
        return f"{text}: an accuracy on them is one on the whole list."
    correct = round(_EXAMPLE * present / 100)
    low, high = bounds(correct, present, listed)
    width = high - low
    text += f" ({format_percent(Fraction(100 * present, listed), ROUND_FLOOR)} %). "
    text += "Whatever their accuracy, that of the whole list lies in a range of "
    text += f"{format_percent(width, ROUND_CEILING)} points, "
    text += f"± {format_percent(width / 2, ROUND_CEILING)} about its middle"
    if present:
        text += (
            f": {correct:,} right of {present:,} would be {format_percent(low, ROUND_FLOOR)} to "
        )
        text += format_percent(high, ROUND_CEILING)
    if Fraction(present, listed) < COMPARABLE:
        text += f". Under {COMPARABLE * 100} %: not comparable with a number on the whole list"
    return f"{text}."


def format_percent(value: Fraction, rounding: str) -> str:
    """Write with two decimals, rounded outward."""
    scaled = Decimal(value.numerator * 100) / Decimal(value.denominator)
    return f"{scaled.to_integral_value(rounding) / 100:.2f}"
