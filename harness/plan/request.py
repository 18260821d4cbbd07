"""A request for a table, and the trials that it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import data
from harness.experiment import Experiment
from harness.plan import grid
from harness.plan.comparisons import Comparison
from harness.plan.grid import PlannedTrial, Seeds
from harness.provenance import code
from harness.runtime import Runtime
from harness.specs import Scale, Trial

if TYPE_CHECKING:
    from harness.data.passport import Passport


@dataclass(frozen=True, kw_only=True)
class Request:
    """A table, its scale, and the runtime of its trials.

    Attributes:
        experiment: The table, at paper scale.
        scale: Name of the scale.
        base: The scale that `own` terms change; else the same.
        rescale: Trial at paper scale to the trial that runs.
        seeds: Trials per row, or their seeds.
        runtime: Where and how trials run.
        rows: Labels of the rows to run; empty for all.
        keep_stale: True to accept records made by other code instead of running their trials again.
        family: Comparisons that are corrected together with those of the experiment.
    """

    experiment: Experiment
    scale: Scale
    rescale: Callable[[Trial], Trial]
    seeds: Seeds
    runtime: Runtime
    rows: tuple[str, ...] = ()
    keep_stale: bool = False
    family: tuple[Comparison, ...] = ()
    base: Scale = "paper"


def planned_trials(
    request: Request, *, progress: data.Progress | None = None
) -> list[PlannedTrial]:
    """List the trials of a request; generates or checks their data first.

    Raises:
        ValueError: If the data are missing, damaged or fewer than a batch, or a row is unknown.
    """
    passports: dict[str, Passport] = {}

    def passport(trial: Trial) -> str:
        data_set = f"{trial.data.name} {sorted(trial.data.options.items())}"
        if data_set not in passports:
            passports[data_set] = data.load_passport(
                trial.data, request.runtime.data, progress, campaign=request.runtime.campaign
            )
        splits, batch = passports[data_set].splits, trial.train.batch_videos
        if "train" not in splits:
            raise ValueError(
                f"{trial.data.name} was checked with its test split alone, so nothing can train "
                f"on it; run `harness data check {trial.data.name}` without --only"
            )
        videos = len(splits["train"])
        if videos < batch:
            raise ValueError(
                f"{trial.data.name} has {videos} training videos, less than a batch of {batch}; "
                "pass a smaller --batch"
            )
        return passports[data_set].digest

    return grid.trials(
        grid.select_rows(request.experiment, request.rows),
        rescale=request.rescale,
        seeds=request.seeds,
        passport=passport,
        code=code.hashes,
        results=request.runtime.results,
    )
