"""Measure what a run costs besides its trials: the whole path beside bare Ray Tune.

The trials do nothing but report once and leave a record, the same on both sides. Each side runs in
a new process, from importing Ray to its shutdown.
"""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal

from rich.console import Console

from benchmarks import paired
from benchmarks.child import in_child
from benchmarks.scheduling import idle_trial
from harness import launch, record, tracking
from harness.plan.request import Request
from harness.runtime import Runtime
from harness.schedule.ray import session
from harness.schedule.ray.tune import Resources
from harness.specs import Trial
from harness.training.loop import Epoch

AT_MOST = 1.3
Side = Literal["ours", "bare"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Settings of the measurement.

    Attributes:
        seeds: Trials of each of the four rows.
        pairs: Pairs of runs.
    """

    seeds: int = 50
    pairs: int = 3

    @property
    def trials(self) -> int:
        """Return the number of trials of a run."""
        return self.seeds * len(idle_trial.TABLE.rows)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Times of one run.

    Attributes:
        seconds: Wall time.
        driver_s: Processor time of the driver's process.
        report_ms: Median wait of a trial for the end of its report.
    """

    seconds: float
    driver_s: float
    report_ms: float


def run(setting: Setting, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure both sides in changing order; return what JSON can hold.

    Args:
        setting: How.
        progress: Told what is measured next.
    """
    runs: dict[Side, list[Run]] = {"ours": [], "bare": []}
    with TemporaryDirectory() as folder:
        idle_trial.videos(Path(folder, "data"))
        for number in range(setting.pairs):
            order: Sequence[Side] = ("ours", "bare") if number % 2 == 0 else ("bare", "ours")
            for side in order:
                what = f"{number + 1}/{setting.pairs}: {setting.trials} trials, {side}"
                progress(f"scheduling {what}")
                place = Path(folder, f"{side}-{number}")
                runs[side].append(_alone(side, place, Path(folder, "data"), setting.seeds))
    return summary(setting, runs)


def summary(setting: Setting, runs: dict[Side, list[Run]]) -> dict[str, Any]:
    """Return what JSON can hold of the runs; the ratio is ours over bare."""
    pairs = [(a.seconds, b.seconds) for a, b in zip(runs["ours"], runs["bare"], strict=True)]
    ratio, quartiles = paired.ratio(pairs)
    sides = {side: _medians(found, setting.trials) for side, found in runs.items()}
    return {
        "setting": asdict(setting) | {"trials": setting.trials},
        "ratio": ratio,
        "quartiles": quartiles,
        "at_most": AT_MOST,
        "sides": sides,
    }


def _medians(runs: Sequence[Run], trials: int) -> dict[str, float]:
    return {
        "seconds": median(run.seconds for run in runs) / trials,
        "driver_s": median(run.driver_s for run in runs) / trials,
        "report_ms": median(run.report_ms for run in runs),
    }


def text(measured: dict[str, Any]) -> str:
    """Write what `run` returned as a table, the ratio first."""
    setting, (low, high) = measured["setting"], measured["quartiles"]
    missed = "  MISSED" if measured["ratio"] > measured["at_most"] else ""
    lines = [
        f"{setting['trials']} trials that do nothing, {setting['pairs']} pairs of runs",
        f"the whole path / bare Ray Tune  {measured['ratio']:.2f}  {low:.2f}–{high:.2f}"
        f"  aim: ≤ {measured['at_most']:g}{missed}",
        "",
        f"{'a trial':18}{'s':>8}{'driver s':>10}{'report ms':>11}",
    ]
    for side, name in {"ours": "the whole path", "bare": "bare Ray Tune"}.items():
        row = measured["sides"][side]
        figures = f"{row['seconds']:8.3f}{row['driver_s']:10.3f}{row['report_ms']:11.1f}"
        lines.append(f"{name:18}{figures}")
    return "\n".join(lines)


def _alone(side: Side, place: Path, videos: Path, seeds: int) -> Run:
    """Run one side in a new process."""
    return in_child(_timed, side, place, videos, seeds)


def _timed(side: Side, place: Path, videos: Path, seeds: int) -> Run:
    """Run one side here, and read what its trials left.

    Raises:
        AssertionError: If a trial left nothing.
    """
    runtime = Runtime(results=place, data=videos)
    start, used = time.perf_counter(), time.process_time()
    (ours if side == "ours" else bare)(runtime, seeds)
    seconds, driver_s = time.perf_counter() - start, time.process_time() - used
    found = record.read_all(place)
    assert len(found) == seeds * len(idle_trial.TABLE.rows), len(found)
    waits = [1e3 * float(record.provenance["report_s"]) for record in found]
    return Run(seconds=seconds, driver_s=driver_s, report_ms=median(waits))


def ours(runtime: Runtime, seeds: int) -> None:
    """Go the whole way: plan, Ray, records, MLflow in a SQLite file, tables and figure."""
    request = Request(
        experiment=idle_trial.TABLE,
        scale="desk",
        rescale=idle_trial.shrunk,
        seeds=seeds,
        runtime=runtime,
    )
    outcome = launch.run(
        [request],
        resources=Resources(),
        tracking=tracking.store_uri(runtime.results),
        console=Console(file=io.StringIO()),
        run_trial=idle_trial.run,
    )
    assert not outcome.failed, outcome.failed[0].failure


def bare(runtime: Runtime, seeds: int) -> None:
    """Run the same trials as a plain user of Ray Tune would, with the same settings."""
    with session.redirect_output(runtime.results / "ray.log"), session.connect(None):
        _tune(list(idle_trial.trials(seeds)), runtime)


def _tune(listed: list[Trial], runtime: Runtime) -> None:
    from ray import tune

    def body(config: dict[str, Any]) -> None:
        def report(history: list[Epoch]) -> None:
            tune.report({"history": [asdict(epoch) for epoch in history]})

        idle_trial.run(config["trial"], runtime, report)

    tune.Tuner(
        tune.with_resources(body, {"cpu": 1, "gpu": 0}),
        param_space={"trial": tune.grid_search(listed)},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(runtime.results / "tune"), verbose=0),
    ).fit()
