"""A table as it was asked for, and the trials that it needs."""

from collections.abc import Callable
from dataclasses import dataclass

from harness import data
from harness.data.passport import Passport
from harness.experiment import Experiment
from harness.plan import grid
from harness.plan.grid import PlannedTrial
from harness.provenance import code
from harness.runtime import Runtime
from harness.specs import Scale, Trial


@dataclass(frozen=True, kw_only=True)
class Request:
    """A table, its scale, and where and how its trials run.

    Attributes:
        experiment: The table, at paper scale.
        scale: Name of the scale.
        rescale: Trial at paper scale to the trial that runs.
        seeds: Trials per row.
        runtime: Where and how trials run.
        rows: Labels of the rows to run; none for all.
        keep_stale: Count records that other code made, instead of running their trials again.
    """

    experiment: Experiment
    scale: Scale
    rescale: Callable[[Trial], Trial]
    seeds: int
    runtime: Runtime
    rows: tuple[str, ...] = ()
    keep_stale: bool = False


def planned(request: Request, *, progress: data.Progress | None = None) -> list[PlannedTrial]:
    """List the trials of a request; the data are made or checked on the way.

    Raises:
        ValueError: If the data are not there or damaged, or the table asks for what is not there.
    """
    passports: dict[str, Passport] = {}

    def passport(trial: Trial) -> str:
        place = f"{trial.data.name} {sorted(trial.data.options.items())}"
        if place not in passports:
            passports[place] = data.load_passport(trial.data, request.runtime.data, progress)
        videos, batch = len(passports[place].splits["train"]), trial.train.batch_videos
        if videos < batch:
            few = f"{trial.data.name} has {videos} training videos, no batch of {batch}"
            raise ValueError(f"{few}; --batch asks for a smaller one")
        return passports[place].digest

    return grid.trials(
        grid.select_rows(request.experiment, request.rows),
        scale=request.rescale,
        seeds=request.seeds,
        passport=passport,
        code=code.hashes,
        results=request.runtime.results,
    )
