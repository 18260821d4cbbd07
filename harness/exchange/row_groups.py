"""Records of a results folder grouped by trial, and the groups of two folders in pairs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.exchange.places import Identity, Place, Places, identity
from harness.record import Record, read_all

Unit = tuple[str, str, int, str]


@dataclass(frozen=True, kw_only=True)
class RowGroup:
    """Records of one trial on one copy of the data, by seed.

    Attributes:
        results: Their folder.
        records: By seed.
        places: Rows of tables that they serve.
        base: Scale that own terms change; empty at a named scale.
    """

    results: Path
    records: Mapping[int, Record]
    places: tuple[Place, ...]
    base: str = ""

    @property
    def first(self) -> Record:
        """Return any of the records."""
        return next(iter(self.records.values()))

    @property
    def scale(self) -> str:
        """Return the scale of the trial."""
        return str(self.first.trial["scale"])

    @property
    def name(self) -> tuple[Identity, str]:
        """Return what groups of two folders share if they hold the same trial."""
        return identity(self.first.trial), self.first.passport

    @property
    def units(self) -> list[Unit]:
        """Return the rows that it serves, apart from their trials."""
        scale = f"{self.scale} {self.base}"
        return [(place.table, place.row, place.network, scale) for place in self.places]

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the rows that it serves in words, or its network if no table needs it."""
        model = self.first.trial["model"]
        network = f"{model['module']} in {model['backbone']}" if model["module"] else None
        return tuple(map(str, self.places)) or (network or str(model["backbone"]),)


def read_groups(results: Path, places: Places, *, is_restricted: bool) -> list[RowGroup]:
    """Read the records of a folder, grouped by trial and data.

    Args:
        results: The folder.
        places: Rows of the tables.
        is_restricted: True to leave out trials that no row needs.

    Raises:
        ValueError: If it is not a results folder, or a record is damaged.
    """
    if not (results / "records").is_dir():
        raise ValueError(f"{results} is not a results folder: it has no folder named records")
    found: dict[tuple[Identity, str], dict[int, Record]] = {}
    for record in read_all(results):
        by_seed = found.setdefault((identity(record.trial), record.passport), {})
        by_seed[int(record.trial["seed"])] = record
    groups = [
        RowGroup(
            results=results,
            records=dict(sorted(by_seed.items())),
            places=tuple(places.of(next(iter(by_seed.values())))),
            base=_base(places, next(iter(by_seed.values()))),
        )
        for by_seed in found.values()
    ]
    return [group for group in groups if group.places or not is_restricted]


def _base(places: Places, record: Record) -> str:
    """Return the scale that the own terms of a record change; empty if it has none."""
    return next((own.base for own in places.own_places(record)), "")


def pairs(
    groups: Sequence[RowGroup], others: Sequence[RowGroup]
) -> Iterator[tuple[RowGroup, RowGroup]]:
    """Pair equal trials on equal data first, then what else stands for one row in each folder."""
    equal = {group.name: group for group in others}
    for group in groups:
        if group.name in equal:
            yield group, equal[group.name]
    names = {group.name for group in groups}
    left = [group for group in groups if group.name not in equal]
    left_too = [group for group in others if group.name not in names]
    by_unit, by_unit_too = _by_unit(left), _by_unit(left_too)
    seen = set()
    for unit in by_unit:
        ones, twos = by_unit[unit], by_unit_too.get(unit, [])
        if len(ones) == len(twos) == 1 and (ones[0].name, twos[0].name) not in seen:
            seen.add((ones[0].name, twos[0].name))
            yield ones[0], twos[0]


def _by_unit(groups: Sequence[RowGroup]) -> dict[Unit, list[RowGroup]]:
    found: dict[Unit, list[RowGroup]] = {}
    for group in groups:
        for unit in group.units:
            found.setdefault(unit, []).append(group)
    return found
