"""Verdict words of tables and page, explained in one line each; docs/statistics.md says more."""

from collections.abc import Iterable, Mapping

from harness.plan.comparisons import SCALE_WORDS

ROWS: Mapping[str, str] = {
    "not run": "no record: quoted from other work, or not run here",
    "interrupted": "a trial was started and has not finished",
    "failed": "a trial ended with an error",
    "stale": "a record was made by other code than this; the table must run again",
    "not comparable": "other videos or other seeds were scored, or too few videos",
    "desk scale": "measured on generated videos with small networks; no estimate of the printed "
    "number",
    "own run": "measured on a user's own terms; no estimate of the printed number",
    "reproduced": "within the margin of the printed accuracy, by two one-sided tests at 5 %",
    "lower": "the 95 % interval lies below the margin around the printed accuracy",
    "higher": "the 95 % interval lies above the margin around the printed accuracy",
    "consistent, not confirmed": "agrees with the printed accuracy, but too few seeds ran to place "
    "it within the margin",
    "undecided": "the runs leave more than one answer open",
}
COSTS: Mapping[str, str] = {
    "exact": "the count rounds to the printed digits",
    "exact, other convention": "the count rounds to the printed digits under the convention named "
    "beside the number",
    "different": "the count differs from the printed figure under every convention tried",
}
CLAIMS: Mapping[str, str] = {
    "supported": "the first row is above the second: the 95 % interval of the difference is above "
    "0, and p is below 5 % after Holm's correction",
    "supported, smaller than claimed": "supported, but by less than half of the printed gap",
    "reversed": "the first row is below the second, by the same test",
    "inside the noise": "the difference may be chance",
    "same within ±": "the 90 % interval of the difference lies within that limit",
    "not the same": "the 95 % interval of the difference lies outside the limit",
    "not testable": "this scale changes what tells the rows apart, or makes them one trial",
    "not decidable": "the rows share a ceiling, or all reach the top that the videos allow",
    "best": "every other row is shown to be worse",
    "in the top group": "no row is shown to beat it, but others may be as good",
    "not the best": "another row is shown to beat it",
    "rising": "accuracy rises along the rows by more than noise",
    "falling": "accuracy falls along the rows by more than noise",
    "flat within noise": "the rows span no more than equal rows would",
    "peak at": "an inner row is above both ends by more than noise",
    "true": "exact arithmetic on counts at the paper's own scale confirms it",
    "false": "exact arithmetic on counts at the paper's own scale contradicts it",
    "true as printed": "the printed totals give the ratio, counts on one footing do not",
    "true as counted": "counts on one footing give the ratio, the printed totals do not",
}
WORDS: Mapping[str, str] = {**ROWS, **COSTS, **CLAIMS}
OPEN = ("same within ±", "peak at")  # words that end in a number or in a row


def stem(word: str) -> str:
    """Return a word as the legend has it: without the scale, the number or the row it ends in."""
    for suffix in filter(None, SCALE_WORDS.values()):
        word = word.removesuffix(suffix)
    return next((start for start in OPEN if word.startswith(start)), word)


def legend(words: Iterable[str]) -> list[tuple[str, str]]:
    """Return the words that occur, in the order of the legend, with their explanations.

    Args:
        words: Of the page. A word that is not explained is left out; a test finds it.
    """
    present = {stem(word) for word in words}
    return [(word, text) for word, text in WORDS.items() if word in present]
