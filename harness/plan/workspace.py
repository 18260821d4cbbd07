"""A workspace: local records and data at one scale; needs no PyTorch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import tables
from harness.data import sizes
from harness.experiment import Experiment, Row
from harness.plan import grid, row_lookup
from harness.plan.grid import PlannedTrial, Seeds
from harness.provenance import code
from harness.record import Records, read_all
from harness.specs import Scale, Trial

_NO_PASSPORT = "no data"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Local records and data, seen at one scale.

    Attributes:
        results: Folder of the records.
        data: Folder of the data sets.
        scale: Scale of records and trials.
        base: The scale that `own` terms change; else the same.
        rescale: From a trial at paper scale to one at this scale.
        passports: Passports that were read already, by data set.
    """

    results: Path
    data: Path
    scale: Scale
    base: Scale
    rescale: Callable[[Trial], Trial]
    passports: dict[str, str | None] = field(default_factory=dict)

    def records(self) -> Records:
        """Read all records of this scale."""
        return Records(
            record for record in read_all(self.results) if record.trial["scale"] == self.scale
        )

    def passport(self, trial: Trial) -> str | None:
        """Return the passport of a trial's data; None without local data."""
        data_set = f"{trial.data.name} {sorted(trial.data.options.items())}"
        if data_set not in self.passports:
            self.passports[data_set] = sizes.passport_digest(trial.data, self.data)
        return self.passports[data_set]

    def trials(self, tables: Sequence[Experiment], *, seeds: Seeds) -> list[PlannedTrial]:
        """List the distinct trials of some tables; without data, all are missing."""
        by_key: dict[str, PlannedTrial] = {}
        for experiment in tables:
            for planned in grid.trials(
                experiment,
                rescale=self.rescale,
                seeds=seeds,
                passport=lambda trial: self.passport(trial) or _NO_PASSPORT,
                code=code.hashes,
                results=self.results,
            ):
                by_key.setdefault(planned.key, planned)
        return list(by_key.values())


def find_table_row(text: str) -> tuple[Experiment, Row]:
    """Return the table and the row that TABLE/ROW names.

    Raises:
        ValueError: If the table is unknown, or ROW does not match exactly one row.
    """
    file, suffix, rest = text.partition(".py/")
    table, slash, row = (f"{file}.py", "/", rest) if suffix else _split(text)
    experiment = tables.load(table.strip())
    if not slash:
        labels = "; ".join(row.label for row in experiment.rows)
        raise ValueError(f"{text!r} has no row; write TABLE/ROW with one of: {labels}")
    return experiment, row_lookup.find_row(experiment, row)


def _split(text: str) -> tuple[str, str, str]:
    """Split TABLE/ROW; the path of a file has no row."""
    return (text, "", "") if text.endswith(".py") else text.partition("/")
