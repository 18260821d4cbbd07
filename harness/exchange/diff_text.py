"""The difference of two results folders as a page of text."""

from collections import Counter
from collections.abc import Iterator
from statistics import mean

from harness.exchange.diff import FolderDifference, RowDifference


def text(difference: FolderDifference) -> str:
    """Return rows with their verdicts and trials, rows of one folder alone, and machines."""
    lines = [line for row in difference.rows for line in _row(row)]
    lines += ["", _summary(difference)]
    for name, rows in (("first", difference.only_first), ("second", difference.only_second)):
        lines += [f"In the {name} folder alone:"] if rows else []
        lines += [f"  {row}" for row in rows]
    if difference.provenance:
        lines += ["Machines, libraries and commits differ in:"]
        lines += [f"  {name}: {one}; {two}" for name, (one, two) in difference.provenance.items()]
    return "\n".join(lines)


def _row(row: RowDifference) -> Iterator[str]:
    yield f"{row.rows[0]}, {row.scale}: {row.word}"
    for more in row.rows[1:]:
        yield f"  = {more}"
    yield f"  {row.sentence}"
    if row.changed:
        yield f"  other trial: {row.changed}"
    for trial in row.trials:
        one, other = trial.top1
        gap = "equal" if trial.is_equal else f"{other - one:+.2f}"
        yield f"    seed {trial.seed}  {one:6.2f} {other:6.2f}  {gap}"


def _summary(difference: FolderDifference) -> str:
    words = Counter(row.word for row in difference.rows)
    rows = ", ".join(f"{count} {word}" for word, count in words.items())
    trials = {trial.keys: trial for row in difference.rows for trial in row.trials}.values()
    if not trials:
        return f"Rows: {rows}."
    equal = sum(trial.is_equal for trial in trials)
    counted = f"Trials: {len(trials)} in both folders, {equal} equal to the last bit"
    gaps = [abs(trial.top1[0] - trial.top1[1]) for trial in trials]
    apart = f"; top-1 differs by {mean(gaps):.2f} points on average, {max(gaps):.2f} at most"
    return f"Rows: {rows}.\n{counted}{apart if equal < len(trials) else ''}."
