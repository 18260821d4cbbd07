"""The records and the data that a command finds, at one scale; needs no PyTorch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import experiments
from experiments.scales import SCALES
from harness import record
from harness.data import sizes
from harness.experiment import Experiment, Row
from harness.plan import grid, row_lookup
from harness.plan.grid import PlannedTrial
from harness.provenance import code
from harness.record import Record
from harness.specs import Scale, Trial
from harness.utils.lookup import check_name

_NO_PASSPORT = "not here"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where records and data are, and the scale that is asked for."""

    results: Path
    data: Path
    scale: Scale
    passports: dict[str, str | None] = field(default_factory=dict)

    @property
    def rescale(self) -> Callable[[Trial], Trial]:
        """Return what the scale does to a trial."""
        return SCALES[self.scale]

    def records(self) -> list[Record]:
        """Read all records of this scale."""
        return [each for each in record.read_all(self.results) if each.trial["scale"] == self.scale]

    def passport(self, trial: Trial) -> str | None:
        """Return the passport of a trial's data, None if they are not here."""
        place = f"{trial.data.name} {sorted(trial.data.options.items())}"
        if place not in self.passports:
            self.passports[place] = sizes.passport_digest(trial.data, self.data)
        return self.passports[place]

    def listed(self, chosen: Sequence[Experiment], *, seeds: int) -> list[PlannedTrial]:
        """List the trials of some tables, each once; without data none counts as recorded."""
        each_once: dict[str, PlannedTrial] = {}
        for experiment in chosen:
            for each in grid.trials(
                experiment,
                scale=self.rescale,
                seeds=seeds,
                passport=lambda trial: self.passport(trial) or _NO_PASSPORT,
                code=code.hashes,
                results=self.results,
            ):
                each_once.setdefault(each.key, each)
        return list(each_once.values())


def found_row(typed: str) -> tuple[Experiment, Row]:
    """Return the table and the row of TABLE/ROW.

    Raises:
        ValueError: If there is no such table, or not one such row.
    """
    table, slash, row = typed.partition("/")
    name = check_name(table.strip(), experiments.names(), what="table")
    if not slash:
        raise ValueError(f"{typed!r} names no row; write TABLE/ROW, as in {name}/ROW")
    experiment = experiments.load(name)
    return experiment, row_lookup.row(experiment, row)
