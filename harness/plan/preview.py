"""A preview of some tables: their trials, budget and statistical power."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness import tables as all_tables
from harness.data.sizes import data_set_size
from harness.experiment import Experiment
from harness.plan import budget, comparisons, grid
from harness.plan.budget import Budget
from harness.plan.comparisons import SCALE_WORDS
from harness.plan.grid import PlannedTrial, Seeds
from harness.plan.power.analysis import PowerAnalysis, analyze_power, seed_spread
from harness.plan.power.text import power_text
from harness.plan.throughput import Rate
from harness.plan.workspace import Workspace
from harness.record import Record
from harness.specs import Scale

UNCHECKED = "data not checked: assuming nothing is recorded"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Trials, budget and power of some tables.

    Attributes:
        scale: Scale of the trials.
        trials: Distinct trials with their keys; a key is None without local data.
        budget: Of the trials without a fresh record.
        analyses: Power analyses, one per table that has a network.
    """

    scale: Scale
    trials: tuple[tuple[PlannedTrial, str | None], ...]
    budget: Budget
    analyses: tuple[PowerAnalysis, ...]

    @property
    def data(self) -> str:
        """Return the state of the local data."""
        is_known = all(key for _, key in self.trials)
        return "as their passport says" if is_known else UNCHECKED


def preview_tables(
    workspace: Workspace,
    tables: Sequence[Experiment],
    *,
    seeds: Seeds,
    rate: Rate | None,
    devices: int,
    devices_per_trial: int = 1,
    workers: int | None = None,
    warn: Callable[[str], None],
    leave_out: Callable[[str], None],
) -> Preview:
    """Plan some tables, without the broken ones.

    Args:
        workspace: Records and data.
        tables: The tables.
        seeds: Trials per row, or their seeds.
        rate: Throughput of one device; None to estimate from the records.
        devices: Number of devices.
        devices_per_trial: Devices that share a trial.
        workers: Loader processes of each device; None to leave reading out.
        warn: Called with a sentence on each table that does not load.
        leave_out: Called with a sentence on each table to plan that is broken.

    Raises:
        BrokenTableError: If no table is left.
    """

    def listing(table: Experiment) -> tuple[Experiment, list[PlannedTrial]]:
        return table, workspace.counted_trials_of(table, seeds=seeds)

    listed = list(all_tables.each_of(tables, listing, leave_out))
    tables, records = [table for table, _ in listed], workspace.records()
    trials = grid.distinct(trial for _, own in listed for trial in own)
    corrected = tables if workspace.scale == "own" else all_tables.load_all(warn)
    families = comparisons.families(tables, corrected, workspace.rescale)
    analyses = [
        _analyze_power(table, records, workspace, seeds, len(families[table.name]))
        for table in tables
    ]
    return Preview(
        scale=workspace.scale,
        trials=tuple(
            (planned, planned.key if workspace.passport(planned.trial) else None)
            for planned in trials
        ),
        budget=budget.estimate_budget(
            trials,
            records,
            scale=workspace.base,
            rate=rate,
            devices=devices,
            devices_per_trial=devices_per_trial,
            workers=workers,
            data=workspace.data,
        ),
        analyses=tuple(analysis for analysis in analyses if analysis is not None),
    )


def _analyze_power(
    experiment: Experiment,
    records: Sequence[Record],
    workspace: Workspace,
    seeds: Seeds,
    family: int,
) -> PowerAnalysis | None:
    trials = [row.trial for row in experiment.rows if row.trial is not None]
    if not trials:
        return None
    videos = data_set_size(workspace.rescale(trials[0]).data, workspace.data).test
    return analyze_power(
        experiment,
        rescale=workspace.rescale,
        scale=workspace.base,
        seeds=len(grid.seed_numbers(seeds)),
        rows_run_once=len(grid.run_once(experiment, seeds)),
        test_videos=videos,
        family=family,
        spread=seed_spread(experiment, records, rescale=workspace.rescale, test_videos=videos),
    )


def as_json(preview: Preview) -> dict[str, Any]:
    """Return a preview as JSON holds it."""
    return {
        "scale": preview.scale,
        "data": preview.data,
        "trials": [
            {
                "key": key,
                "state": planned.state,
                "table": planned.table,
                "rows": planned.rows,
                "seed": planned.trial.seed,
            }
            for planned, key in preview.trials
        ],
        "budget": budget.as_json(preview.budget),
        "resolution": [asdict(analysis) for analysis in preview.analyses],
    }


def text(preview: Preview) -> str:
    """Return a preview as text, one line per trial first."""
    lines = [
        f"{key or '–':20}  {planned.state:7}  {planned.name}" for planned, key in preview.trials
    ]
    lines += [UNCHECKED] if preview.data == UNCHECKED else []
    lines += [
        f"{planned.table}: {' and '.join(planned.rows)}: same trial{SCALE_WORDS[preview.scale]}"
        for planned, _ in preview.trials
        if len(planned.rows) > 1 and planned.trial.seed == 0
    ]
    analyses = [power_text(analysis) for analysis in preview.analyses]
    return "\n".join([*lines, budget.text(preview.budget), "", *analyses])
