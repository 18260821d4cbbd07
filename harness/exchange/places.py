"""Places of records: the rows of tables that a trial serves, in every table and at every scale."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from experiments.scales import SCALES, Changes, own, stem_width
from harness.experiment import Experiment
from harness.provenance import code
from harness.record import Record
from harness.specs import Trial, as_dict, from_dict
from harness.tables import load_all

Freshness = Literal["fresh", "stale", "unknown"]
Identity = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A row of a table that a trial serves.

    Attributes:
        table: Name of the table.
        row: Label of the row.
        network: Number of the network within the row, from 0.
        networks: Number of networks whose scores the row averages.
        margin: Points within which the table takes accuracies for the same.
    """

    table: str
    row: str
    network: int
    networks: int
    margin: float

    def __str__(self) -> str:
        part = f" (network {self.network + 1} of {self.networks})" if self.networks > 1 else ""
        return f"{self.table}/{self.row}{part}"


class Places:
    """The rows of some tables, found by the trials that they need."""

    def __init__(self, tables: Iterable[Experiment]) -> None:
        self.rows = [pair for table in tables for pair in _rows(table)]
        self.by_trial: dict[Identity, list[Place]] = {}
        self.own: dict[Identity, list[tuple[Place, Changes]]] = {}
        for rescale in SCALES.values():
            for place, trial in self.rows:
                self.by_trial.setdefault(identity(as_dict(rescale(trial))), []).append(place)

    def of(self, record: Record) -> Sequence[Place]:
        """Return every row that a record serves; none if no table needs its trial."""
        name = identity(record.trial)
        if name not in self.by_trial:
            self.by_trial[name] = [place for place, _ in self.own_changes(record)]
        return self.by_trial[name]

    def own_changes(self, record: Record) -> Sequence[tuple[Place, Changes]]:
        """Return the rows that a trial on a user's own terms serves, and its changes to each."""
        name, trial = identity(record.trial), _parse(record)
        if trial is None or trial.scale != "own":
            return ()
        if name not in self.own:
            self.own[name] = [
                (place, changes)
                for place, recipe in self.rows
                if (changes := _own_changes(recipe, trial, name)) is not None
            ]
        return self.own[name]


def all_tables() -> Sequence[Experiment]:
    """Load every table; one that does not load is warned of and left out."""
    return load_all(warnings.warn)


def identity(trial: Mapping[str, Any]) -> Identity:
    """Return what two trials share that differ in their seeds alone, as a key of dictionaries."""
    plain: Identity = _hashable(dict(trial) | {"seed": None})
    return plain


def freshness(record: Record) -> Freshness:
    """Return whether the present code made a record; unknown if its network is not known here."""
    trial = _parse(record)
    if trial is None:
        return "stale"
    try:
        return "fresh" if record.is_made_by(code.hashes(trial)) else "stale"
    except ValueError:
        return "unknown"


def _rows(table: Experiment) -> Iterator[tuple[Place, Trial]]:
    for row in table.rows if table.trains else ():
        for number, trial in enumerate(row.trials):
            yield (
                Place(
                    table=table.name,
                    row=row.label,
                    network=number,
                    networks=len(row.trials),
                    margin=table.margin,
                ),
                trial,
            )


def _parse(record: Record) -> Trial | None:
    """Return the trial of a record; None if another version wrote it, with other fields."""
    try:
        return from_dict(record.trial)
    except ValueError:
        return None


def _own_changes(recipe: Trial, trial: Trial, name: Identity) -> Changes | None:
    """Return the changes of a user's own that make a trial from a recipe; None without any."""
    changes = _changes(recipe, trial)
    try:
        changed = own(changes)(recipe)
    except ValueError:
        return None
    return changes if identity(as_dict(replace(changed, scale="own"))) == name else None


def _changes(recipe: Trial, trial: Trial) -> Changes:
    """Return the changes that lead from a recipe to a trial, if any do."""

    def changed(recorded: Any, usual: Any) -> Any:
        return None if recorded == usual else recorded

    is_other_data = (trial.data.name, trial.data.num_classes) != (
        recipe.data.name,
        recipe.data.num_classes,
    )
    return Changes(
        on=trial.data.name if is_other_data else None,
        num_classes=trial.data.num_classes if is_other_data else None,
        epochs=changed(trial.train.epochs, recipe.train.epochs),
        batch=changed(trial.train.batch_videos, recipe.train.batch_videos),
        crop=changed(trial.data.crop_px, recipe.data.crop_px),
        width=_width(recipe, trial),
    )


def _width(recipe: Trial, trial: Trial) -> float | None:
    usual = recipe.model.backbone_options.get("stem_width", stem_width(recipe.model.backbone))
    stem = trial.model.backbone_options.get("stem_width")
    if stem == recipe.model.backbone_options.get("stem_width"):
        return None
    is_whole = isinstance(stem, int) and isinstance(usual, int) and usual > 0
    return float(stem) / float(usual) if is_whole else None  # type: ignore[arg-type]


def _hashable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(sorted((name, _hashable(item)) for name, item in value.items()))
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
