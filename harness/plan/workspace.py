"""A workspace: local records and data at one scale; needs no PyTorch."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from experiments.scales import Changes
from harness import tables as all_tables
from harness.data import sizes
from harness.experiment import Experiment, Row
from harness.plan import budget, grid, row_lookup
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
        changes: What `own` terms change.
        passports: Passports that were read already, by data set.
    """

    results: Path
    data: Path
    scale: Scale
    base: Scale
    rescale: Callable[[Trial], Trial]
    changes: Changes = field(default_factory=Changes)
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

    def trials(
        self,
        tables: Sequence[Experiment],
        *,
        seeds: Seeds,
        warn: all_tables.Warn,
        are_counted: bool = False,
    ) -> list[PlannedTrial]:
        """List the distinct trials of some tables, without those of broken ones.

        Args:
            tables: The tables.
            seeds: Trials per row, or their seeds.
            warn: Called with a sentence on each table that is left out.
            are_counted: Leave out tables too with networks that cannot be counted.

        Raises:
            BrokenTableError: If no table is left.
        """
        function = self.counted_trials_of if are_counted else self.trials_of
        listed = all_tables.each_of(tables, partial(function, seeds=seeds), warn)
        return grid.distinct(trial for trials in listed for trial in trials)

    def counted_trials_of(self, experiment: Experiment, *, seeds: Seeds) -> list[PlannedTrial]:
        """List the distinct trials of a table whose networks can all be counted.

        Raises:
            BrokenTableError: If one without a fresh record cannot.
        """
        trials = self.trials_of(experiment, seeds=seeds)
        budget.estimate_workloads(trials, self.data)
        return trials

    def trials_of(self, experiment: Experiment, *, seeds: Seeds) -> list[PlannedTrial]:
        """List the distinct trials of a table; without data, all are missing."""
        return grid.trials(
            experiment,
            rescale=self.rescale,
            seeds=seeds,
            passport=lambda trial: self.passport(trial) or _NO_PASSPORT,
            code=code.hashes,
            results=self.results,
        )


def find_table_row(text: str) -> tuple[Experiment, Row]:
    """Return the table and the row that TABLE/ROW names.

    Raises:
        ValueError: If the table is unknown, or ROW does not match exactly one row.
    """
    file, suffix, rest = text.partition(".py/")
    table, slash, row = (f"{file}.py", "/", rest) if suffix else _split(text)
    experiment = all_tables.load(table.strip())
    if not slash:
        labels = "; ".join(row.label for row in experiment.rows)
        raise ValueError(f"{text!r} has no row; write TABLE/ROW with one of: {labels}")
    return experiment, row_lookup.find_row(experiment, row)


def _split(text: str) -> tuple[str, str, str]:
    """Split TABLE/ROW; the path of a file has no row."""
    return (text, "", "") if text.endswith(".py") else text.partition("/")


def option_words(changes: Changes) -> list[str]:
    """Return a user's own terms as words of a command line, unquoted."""
    return [
        word
        for name, value in asdict(changes).items()
        if value is not None and name != "num_classes"
        for word in (f"--{name.replace('_', '-')}", *([] if value is True else [str(value)]))
    ]
