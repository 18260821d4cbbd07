"""Rows as a hand types them: case, blanks, signs and Greek letters do not matter."""

import re
import unicodedata
from collections.abc import Callable

from harness.experiment import Experiment, Row
from harness.utils.lookup import check_name

_SPELT = str.maketrans({"×": "x", "α": "alpha", "β": "beta"})


def row(experiment: Experiment, typed: str) -> Row:
    """Return the row that was meant: its label, all words of it, or a part that no other has.

    Raises:
        ValueError: If none fits, or several do.
    """
    rules: tuple[Callable[[str], bool], ...] = (
        lambda label: _joined(label) == _joined(typed),
        lambda label: set(_words(typed)) <= set(_words(label)),
        lambda label: len(_joined(typed)) > 1 and _joined(typed) in _joined(label),
    )
    several: list[Row] = []
    for rule in rules if _joined(typed) else ():
        fitting = [each for each in experiment.rows if rule(each.label)]
        if len(fitting) == 1:
            return fitting[0]
        several = several or fitting
    if several:
        labels = "; ".join(each.label for each in several)
        raise ValueError(f"{typed!r} fits several rows of {experiment.name}: {labels}")
    rows = {each.label: each for each in experiment.rows}
    return rows[check_name(typed, rows, what=f"row of {experiment.name}")]


def _words(text: str) -> list[str]:
    """Split into runs of letters and digits, with a cross between numbers on its own."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_SPELT)
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=\d)\s*x\s*(?=\d)", " x ", plain))


def _joined(text: str) -> str:
    return "".join(_words(text))
