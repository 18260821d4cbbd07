"""What is ahead of some tables: their trials, what these cost, and what they can decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.data.sizes import data_set_size
from harness.experiment import Experiment
from harness.plan import budget, power_analysis
from harness.plan.budget import Budget
from harness.plan.grid import PlannedTrial
from harness.plan.power_analysis import Resolution
from harness.plan.throughput import Rate
from harness.plan.workspace import Workspace
from harness.record import Record
from harness.specs import Scale

UNCHECKED = "data not checked: assuming nothing is recorded"


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is ahead.

    Attributes:
        scale: Of all that follows.
        trials: Each once, with its key, or None where no data are here to tell it.
        budget: Of those without a fresh record.
        resolutions: One per table that has a network.
    """

    scale: Scale
    trials: tuple[tuple[PlannedTrial, str | None], ...]
    budget: Budget
    resolutions: tuple[Resolution, ...]

    @property
    def data(self) -> str:
        """Say whether the data are here."""
        checked = all(key for _, key in self.trials)
        return "as their passport says" if checked else UNCHECKED


def look(
    here: Workspace, chosen: Sequence[Experiment], *, seeds: int, rate: Rate | None, devices: int
) -> Outlook:
    """Look ahead of some tables.

    Args:
        here: Records and data.
        chosen: The tables.
        seeds: Trials per row.
        rate: Of one device; None to go by the records.
        devices: That run trials side by side.
    """
    listed, records = here.listed(chosen, seeds=seeds), here.records()
    spent = budget.budget(listed, records, scale=here.scale, rate=rate, devices=devices)
    found = [_resolution(each, records, here, seeds) for each in chosen]
    return Outlook(
        scale=here.scale,
        trials=tuple((each, each.key if here.passport(each.trial) else None) for each in listed),
        budget=spent,
        resolutions=tuple(each for each in found if each is not None),
    )


def _resolution(
    experiment: Experiment, records: Sequence[Record], here: Workspace, seeds: int
) -> Resolution | None:
    trials = [row.trial for row in experiment.rows if row.trial is not None]
    if not trials:
        return None
    spread = power_analysis.spread(experiment, records, scale=here.rescale)
    videos = data_set_size(here.rescale(trials[0]).data).test
    return power_analysis.resolution(experiment, seeds=seeds, test_videos=videos, spread=spread)


def as_json(found: Outlook) -> dict[str, Any]:
    """Return an outlook as JSON holds it."""
    return {
        "scale": found.scale,
        "data": found.data,
        "trials": [
            {
                "key": key,
                "state": each.state,
                "table": each.table,
                "rows": each.rows,
                "seed": each.trial.seed,
            }
            for each, key in found.trials
        ],
        "budget": budget.as_json(found.budget),
        "resolution": [power_analysis.as_json(each) for each in found.resolutions],
    }


def text(found: Outlook) -> str:
    """Say what is ahead, one line per trial first."""
    lines = [f"{key or '–':20}  {each.state:7}  {each.name}" for each, key in found.trials]
    lines += [UNCHECKED] if found.data == UNCHECKED else []
    decided = [power_analysis.text(each) for each in found.resolutions]
    return "\n".join([*lines, budget.text(found.budget), "", *decided])
