"""Row lookup by typed text: case, blanks, signs and Greek letters do not matter."""

import re
import unicodedata
from collections.abc import Callable

from harness.experiment import Experiment, Row
from harness.utils.lookup import check_name

_SPELLINGS = str.maketrans({"×": "x", "α": "alpha", "β": "beta"})


def find_row(experiment: Experiment, text: str) -> Row:
    """Return the row that a text names: by its label, by words of it, or by a unique part of it.

    Raises:
        ValueError: If the text matches no row, or several.
    """
    rules: tuple[Callable[[str], bool], ...] = (
        lambda label: _joined(label) == _joined(text),
        lambda label: set(_words(text)) <= set(_words(label)),
        lambda label: len(_joined(text)) > 1 and _joined(text) in _joined(label),
    )
    candidates: list[Row] = []
    for rule in rules if _joined(text) else ():
        matches = [row for row in experiment.rows if rule(row.label)]
        if len(matches) == 1:
            return matches[0]
        candidates = candidates or matches
    if candidates:
        labels = "; ".join(row.label for row in candidates)
        raise ValueError(
            f"{text!r} matches several rows of {experiment.name}: {labels}; type more of the label"
        )
    rows = {row.label: row for row in experiment.rows}
    return rows[check_name(text, rows, what=f"row of {experiment.name}")]


def _words(text: str) -> list[str]:
    """Split a text into runs of letters and digits; a cross between numbers is a word."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_SPELLINGS)
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=\d)\s*x\s*(?=\d)", " x ", plain))


def _joined(text: str) -> str:
    return "".join(_words(text))
