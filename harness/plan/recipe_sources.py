"""Sources of a recipe as text: the guesses of a table, and the values of a row by source."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.experiment import Experiment, Source, Sources
from harness.specs import Trial, as_dict
from harness.utils.diff import format_value

_NOT_OF_THE_RECIPE = ("data.options", "model.backbone_options", "evaluation.every_epochs")
_VALUES = "`harness explain` prints the values."
_OF_A_MODULE = ("model.module_options", "model.position", "model.blocks")


def recipe_values(trial: Trial) -> dict[str, Any]:
    """Return the values of a recipe by path; seed, scale and unused fields aside."""
    parts = {name: part for name, part in as_dict(trial).items() if isinstance(part, Mapping)}
    unused = () if trial.model.module else _OF_A_MODULE
    return {
        path: value
        for part, fields in parts.items()
        for name, value in fields.items()
        if (path := f"{part}.{name}") not in (*_NOT_OF_THE_RECIPE, *unused)
    }


def source_of(sources: Sources, path: str) -> Source | None:
    """Return the source of a field, or else that of the field that holds it."""
    parts = path.split(".")
    above = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((sources[name] for name in above if name in sources), None)


def by_source(experiment: Experiment, trial: Trial) -> dict[Source, dict[str, Any]]:
    """Return the values of a recipe, grouped by source; empty if the table names no sources."""
    sources = experiment.sources(trial)
    grouped: dict[Source, dict[str, Any]] = {}
    for path, value in recipe_values(trial).items():
        if (source := source_of(sources, path)) is not None:
            grouped.setdefault(source, {})[path] = value
    return grouped


def guess_notes(experiment: Experiment) -> list[str]:
    """Return one note that names the guessed fields of all rows that train, if there are any."""
    guesses = {
        row.label: tuple(by_source(experiment, row.trial).get("guess", ()))
        for row in experiment.rows
        if row.trial is not None and experiment.trains
    }
    if not any(guesses.values()):
        return []
    first, *others = guesses.values()
    shared = tuple(path for path in first if all(path in fields for fields in others))
    parts = [f"all rows: {_by_part(shared)}"] if shared else []
    rows: dict[tuple[str, ...], list[str]] = {}
    for label, fields in guesses.items():
        rows.setdefault(tuple(path for path in fields if path not in shared), []).append(label)
    parts += [f"{' and '.join(labels)}: {_by_part(own)}" for own, labels in rows.items() if own]
    return [f"Guessed fields of {'. Of '.join(parts)}. {_VALUES}"]


def _by_part(paths: Iterable[str]) -> str:
    """List fields by the part of the trial that they belong to."""
    parts: dict[str, list[str]] = {}
    for path in paths:
        part, _, name = path.partition(".")
        parts.setdefault(part, []).append(name)
    return ", ".join(f"{part} ({', '.join(names)})" for part, names in parts.items())


def lines(grouped: Mapping[Source, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for every source of a recipe, with its values."""
    for source, fields in grouped.items():
        values = (f"{path} {format_value(value)}" for path, value in fields.items())
        yield f"{source}: {', '.join(values)}"
