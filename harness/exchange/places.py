"""Places of records: the rows of tables that a trial serves, in every table and at every scale."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from experiments.scales import SCALES, SMOKE_VIDEOS, Changes, own, stem_width
from harness.experiment import Experiment
from harness.provenance import code
from harness.record import Record
from harness.specs import Scale, Trial, as_dict, from_dict
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


@dataclass(frozen=True, kw_only=True)
class OwnPlace:
    """A row that a trial on a user's own terms serves.

    Attributes:
        place: The row.
        base: Scale that the terms change.
        changes: What they change of it.
    """

    place: Place
    base: Scale
    changes: Changes


class Places:
    """The rows of some tables, found by the trials that they need."""

    def __init__(self, tables: Iterable[Experiment]) -> None:
        self.rows = [pair for table in tables for pair in _rows(table)]
        self.by_trial: dict[Identity, list[Place]] = {}
        self.own: dict[Identity, list[OwnPlace]] = {}
        for rescale in SCALES.values():
            for place, trial in self.rows:
                self.by_trial.setdefault(identity(as_dict(rescale(trial))), []).append(place)

    def of(self, record: Record) -> Sequence[Place]:
        """Return every row that a record serves; none if no table needs its trial."""
        name = identity(record.trial)
        if name not in self.by_trial:
            self.by_trial[name] = [own.place for own in self.own_places(record)]
        return self.by_trial[name]

    def own_places(self, record: Record) -> Sequence[OwnPlace]:
        """Return the rows that a trial on a user's own terms serves, with its changes to each."""
        name, trial = identity(record.trial), _parse(record)
        if trial is None or trial.scale != "own":
            return ()
        if name not in self.own:
            found = (_own_place(place, recipe, trial, name) for place, recipe in self.rows)
            self.own[name] = [own_place for own_place in found if own_place is not None]
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


def _own_place(place: Place, recipe: Trial, trial: Trial, name: Identity) -> OwnPlace | None:
    """Return how a user's own terms make a trial from the recipe of a row; None if none do."""
    if (recipe.model.backbone, recipe.model.module) != (trial.model.backbone, trial.model.module):
        return None
    for base in SCALES:
        for changes in _changes(recipe, trial, base):
            if _changed_name(recipe, changes, base) == name:
                return OwnPlace(place=place, base=base, changes=changes)
    return None


def _changed_name(recipe: Trial, changes: Changes, base: Scale) -> Identity | None:
    """Return the identity of a trial on a user's own terms; None if they cannot be met."""
    try:
        return identity(as_dict(replace(own(changes, base)(recipe), scale="own")))
    except ValueError:
        return None


def _changes(recipe: Trial, trial: Trial, base: Scale) -> Iterator[Changes]:
    """Yield the changes of a scale that may lead from a recipe to a trial."""
    is_smoke = base == "desk" and trial.data.options == SMOKE_VIDEOS
    usual = own(Changes(smoke=True if is_smoke else None), base)(recipe)

    def changed(recorded: Any, usual: Any) -> Any:
        return None if recorded == usual else recorded

    is_other_data = (trial.data.name, trial.data.num_classes) != (
        usual.data.name,
        usual.data.num_classes,
    )
    width = _width(usual, trial)
    has_lost_weights = width is None and usual.model.weights and not trial.model.weights
    changes = Changes(
        on=trial.data.name if is_other_data else None,
        num_classes=trial.data.num_classes if is_other_data else None,
        epochs=changed(trial.train.epochs, usual.train.epochs),
        batch=changed(trial.train.batch_videos, usual.train.batch_videos),
        crop=changed(trial.data.crop_px, usual.data.crop_px),
        width=width,
        from_scratch=True if has_lost_weights else None,
        smoke=True if is_smoke else None,
    )
    if changes != Changes():  # without any, a scale is not own
        yield changes
    yield replace(changes, lr=trial.train.lr)  # another batch changes it too


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
