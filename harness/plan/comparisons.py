"""Claims at a scale, before any record is read: what can be tested, and what is tested together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness import record
from harness.data.datasets import desk_recipe
from harness.experiment import COSTS, Claim, Experiment, Row
from harness.specs import Scale, Trial, as_dict
from harness.stats.verdict import Verdict
from harness.tables import family_of
from harness.utils.diff import differences, format_value
from harness.zoo import temporal
from harness.zoo.temporal import Averaging

Rescale = Callable[[Trial], Trial]
SCALE_WORDS: Mapping[Scale, str] = {
    "desk": " at desk scale",
    "own": " in an own run",
    "paper": "",
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two trials of which a claim says that the first is better, in whatever table.

    Attributes:
        key: Equal for equal comparisons.
        metric: Accuracy that is compared.
        rows: The better row, then the other.
    """

    key: str
    metric: str
    rows: tuple[Row, Row]


def family(tables: Iterable[Experiment], rescale: Rescale) -> tuple[Comparison, ...]:
    """List the distinct comparisons that claims of some tables make, and a scale can test.

    They are the family of Holm's correction, whether their rows have run or not.
    """
    found: dict[str, Comparison] = {}
    for experiment in tables:
        for claim in experiment.claims:
            comparison = comparison_of(experiment, claim, rescale)
            if comparison is not None and obstacle(experiment, claim, rescale) is None:
                found.setdefault(comparison.key, comparison)
    return tuple(found.values())


def families(
    experiments: Iterable[Experiment], tables: Sequence[Experiment], rescale: Rescale
) -> dict[str, tuple[Comparison, ...]]:
    """Return the family that each experiment belongs to by its name, each family listed once.

    Args:
        experiments: Those in question.
        tables: All that may be corrected together with them.
        rescale: The scale.
    """
    listed: dict[tuple[str, ...], tuple[Comparison, ...]] = {}
    found = {}
    for experiment in experiments:
        together = family_of(experiment, tables)
        names = tuple(table.name for table in together)
        if names not in listed:
            listed[names] = family(together, rescale)
        found[experiment.name] = listed[names]
    return found


def comparison_of(experiment: Experiment, claim: Claim, rescale: Rescale) -> Comparison | None:
    """Return the comparison of a claim; None if it makes none, or quotes a row that has no run."""
    rows = rows_of(experiment, claim)
    if claim.kind != "better" or claim.metric == "map":
        return None
    if any(row.trial is None for row in rows):
        return None
    first, second = rows
    key = comparison_key(claim, [rescale(trial) for row in rows for trial in row.trials])
    return Comparison(key=key, metric=claim.metric, rows=(first, second))


def comparison_key(claim: Claim, trials: Sequence[Trial]) -> str:
    """Return a key that is equal for equal comparisons, in whatever tables."""
    return " ".join((claim.metric, *(record.trial_key(trial, "") for trial in trials)))


def rows_of(experiment: Experiment, claim: Claim) -> list[Row]:
    """Return the rows of a claim, in its order."""
    rows = {row.label: row for row in experiment.rows}
    return [rows[label] for label in claim.rows]


def obstacle(experiment: Experiment, claim: Claim, rescale: Rescale) -> Verdict | None:
    """Return the verdict of a claim of accuracy that a scale cannot test; None if it can.

    It is decided from the specifications and the ceilings of the data alone.
    """
    rows = rows_of(experiment, claim)
    if claim.metric in COSTS or any(row.trial is None for row in rows):
        return None
    altered_rows = _altered(rows, experiment, rescale)
    if altered_rows is not None or claim.metric != "top1":
        return altered_rows
    return _same_ceiling(rows, rescale)


def ceiling(trial: Trial) -> float | None:
    """Return the ceiling of a trial's kind of network in top-1; None if none is known.

    It is an expectation for averages of frames, and proven for the others.
    """
    kind = _averaging(trial)
    return None if kind is None else desk_recipe.CEILINGS[trial.data.name].get(kind)


def ceiling_text(trial: Trial) -> str:
    """Return what the ceiling of a trial's kind of network says; the trial must have one."""
    most = f"{ceiling(trial):g} %"
    is_proven = _averaging(trial) in desk_recipe.PROVEN_CEILINGS
    return f"can reach {most} at most" if is_proven else f"can be expected to reach {most}"


def _averaging(trial: Trial) -> Averaging | None:
    """Return what a trial's logits average on desk videos; None if its snippets span a video."""
    if trial.data.name not in desk_recipe.CEILINGS:
        return None
    kind = temporal.averaging(trial.model)
    is_spread = trial.data.snippet_rule == "frames"
    return None if kind != "average of frames" and is_spread else kind


def altered(row: Row, fields: Sequence[str], rescale: Rescale) -> str:
    """List those of some fields of a row's trial that a scale changes; empty if it keeps them."""
    changes = (
        changes_text(rescale(trial), trial, lambda path: _is_below(path, fields))
        for trial in row.trials
    )
    return ", ".join(filter(None, changes))


def changes_text(trial: Trial, recipe: Trial, is_wanted: Callable[[str], bool]) -> str:
    """List the fields in which a trial differs from its recipe, with both values."""
    return ", ".join(
        f"{change.path} {format_value(change.one)} for {format_value(change.other)}"
        for change in differences(as_dict(trial), as_dict(recipe))
        if is_wanted(change.path)
    )


def _altered(rows: Sequence[Row], experiment: Experiment, rescale: Rescale) -> Verdict | None:
    """Return the verdict of a claim whose rows lose at a scale what tells them apart."""
    labels: dict[tuple[str, ...], str] = {}
    for row in rows:
        trials = [rescale(trial) for trial in row.trials]
        word = f"not testable{SCALE_WORDS[trials[0].scale]}"
        if changes := altered(row, experiment.ablates, rescale):
            return Verdict(word=word, sentence=f"{row.label} runs with {changes}")
        keys = tuple(record.trial_key(trial, "") for trial in trials)
        same = labels.setdefault(keys, row.label)
        if same != row.label:
            sentence = f"{same} and {row.label} are the same trial{SCALE_WORDS[trials[0].scale]}"
            return Verdict(word=word, sentence=sentence)
    return None


def _same_ceiling(rows: Sequence[Row], rescale: Rescale) -> Verdict | None:
    """Return the verdict of a claim over rows that all have the same ceiling."""
    trials = [rescale(trial) for row in rows for trial in row.trials]
    ceilings = {ceiling(trial) for trial in trials}
    if len(ceilings) != 1 or ceilings == {None}:
        return None
    labels = " and ".join(row.label for row in rows)
    sentence = f"{labels} {ceiling_text(trials[0])}: the order of snippets is lost on them"
    return Verdict(word="not decidable at desk scale", sentence=sentence)


def _is_below(path: str, fields: Sequence[str]) -> bool:
    return any(path == field or path.startswith(f"{field}.") for field in fields)
