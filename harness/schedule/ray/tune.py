"""Many trials, side by side on Ray.

Ray places trials and starts dead ones again; it keeps nothing: what is left to do is worked out
from the records, and a trial goes on from its own checkpoint.
"""

import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.plan.grid import PlannedTrial
from harness.runtime import Runtime
from harness.schedule import local_ranks, rank_messages
from harness.schedule.attempt import StoppedError, Watch, Work, attempt
from harness.schedule.ray import capacity, multi_node, nodes, session, tune_hooks
from harness.schedule.ray.capacity import Capacity
from harness.schedule.ray.nodes import Node
from harness.schedule.ray.tune_hooks import _watcher
from harness.schedule.stop import Interrupted, Stop
from harness.training.loop import Epoch


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What Ray gives to trials.

    Attributes:
        address: A running cluster, or None for a local one that ends with the run.
        cpus: Processor cores of one trial.
        gpus: GPUs of one trial; a fraction shares one.
        retries: Times that a trial whose process died is started again.
        at_once: Trials that run side by side; None for as many as fit.
    """

    address: str | None = None
    cpus: float = 1
    gpus: float = 0
    retries: int = 2
    at_once: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """How the trials of a run are to run on Ray.

    Attributes:
        runtime: Where and how each of them runs.
        watch: Takes the events.
        resources: What each of them gets.
        stop: What was asked of this process.
        work: What a trial does, if it does not span nodes.
        place: Whether trials span nodes, and how many there is room for.
    """

    runtime: Runtime
    watch: Watch
    resources: Resources
    stop: Stop
    work: Work
    place: Capacity

    @property
    def scratch(self) -> Path:
        """Return the folder for what Ray writes and nobody reads."""
        return _scratch(self.runtime)


def _scratch(runtime: Runtime) -> Path:
    return runtime.results / "work" / "tune"


def on_ray(
    planned: Sequence[PlannedTrial],
    runtime: Runtime,
    watch: Watch,
    resources: Resources,
    stop: Stop | None = None,
    say: Callable[[str], None] = lambda _: None,
    *,
    work: Work = local_ranks.run,
) -> None:
    """Run trials side by side on Ray, through one Tune experiment that is thrown away.

    A trial in ranks that fits on no node spans several, if they hold it together; that is settled
    here, by the nodes that are there now.

    Args:
        planned: What to run.
        runtime: Where and how.
        watch: Takes the events, in this thread.
        resources: What a trial gets.
        stop: Once asked, no trial starts, and each that runs ends with its next report; its
            handlers replace those that Ray brings.
        say: Told how a trial in ranks finds place.
        work: What a trial does that stays on a node: it reports its history so far, and leaves a
            record.

    Raises:
        ValueError: If the nodes could never run a trial, or if the nodes share no results folder.
        Interrupted: If `stop` is to leave at once; started trials resume in the next run.
    """
    stop = stop or Stop()
    with session.chatter_to(runtime.results / "logs" / "ray.log"):
        try:
            with session.connected(resources.address) as found:
                stop.install()
                place = _room(found, runtime, resources)
                if runtime.ranks > 1:
                    say(_said(place, runtime.ranks))
                grid = _Grid(
                    runtime=runtime,
                    watch=watch,
                    resources=resources,
                    stop=stop,
                    work=work,
                    place=place,
                )
                if not stop.asked:
                    _tune(planned, grid)
        except SystemExit:  # Ray's own answer to SIGTERM, while it starts
            raise Interrupted(128 + signal.SIGTERM) from None
        finally:
            shutil.rmtree(_scratch(runtime), ignore_errors=True)


def _room(found: Sequence[Node], runtime: Runtime, resources: Resources) -> Capacity:
    """Refuse what would wait for ever, and a node whose records would arrive nowhere."""
    place = capacity.find(found, cpus=resources.cpus, gpus=resources.gpus, ranks=runtime.ranks)
    unshared = nodes.unshared(runtime.results, found) if len(found) > 1 else {}
    for name, why in unshared.items():
        raise ValueError(
            f"node {name} does not share {runtime.results} with this one ({why}); "
            "put --results on a file system that every node mounts"
        )
    return place


def _said(place: Capacity, count: int) -> str:
    how = "spans nodes: no node holds" if place.spans else "stays on one node, which holds"
    return f"each trial {how} its {count} ranks; room for {place.at_once} at once"


def _tune(planned: Sequence[PlannedTrial], grid: _Grid) -> None:
    from ray import tune

    _spare_mlflow()
    resources, spans = grid.resources, grid.place.spans
    tuner = tune.Tuner(
        tune.with_resources(_body(grid), _bundle(grid)),
        param_space={"planned": tune.grid_search(list(planned))},
        tune_config=tune.TuneConfig(
            trial_dirname_creator=lambda each: each.trial_id,
            scheduler=tune_hooks.until(grid.stop, grid.scratch if spans else None),
            max_concurrent_trials=_limit(grid),
            # A new process imports for ten seconds; on a GPU it also gives the memory back.
            reuse_actors=resources.gpus == 0,
        ),
        run_config=tune.RunConfig(
            name=uuid.uuid4().hex,
            storage_path=str(grid.scratch),
            failure_config=tune.FailureConfig(max_failures=resources.retries),
            callbacks=[_watcher(grid)],
            verbose=0,
        ),
    )
    spread_out = planned if spans else []
    with multi_node.ended([rank_messages.folder(grid.runtime, each.key) for each in spread_out]):
        tuner.fit()


def _spare_mlflow() -> None:
    """Have Ray find no MLflow here, which it would import only to count callbacks by their kind."""
    if "mlflow" not in sys.modules:
        sys.modules["mlflow"] = None  # type: ignore[assignment]
        try:
            import ray.air.integrations.mlflow  # noqa: F401
        finally:
            del sys.modules["mlflow"]


def _bundle(grid: _Grid) -> Any:
    """Return what Tune reserves: nothing for a trial whose ranks Ray Train places."""
    from ray import tune

    if grid.place.spans:
        return tune.PlacementGroupFactory([{"memory": 1}])  # a byte, for it refuses nothing at all
    return {"cpu": grid.resources.cpus, "gpu": grid.resources.gpus}


def _limit(grid: _Grid) -> int | None:
    """Return how many trials may run at once; Tune itself counts those that it places."""
    asked, place = grid.resources.at_once, grid.place
    return min(place.at_once, asked or place.at_once) if place.spans else asked


def _body(grid: _Grid) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what Tune runs for a trial; it takes along what it names, and not the grid."""
    from ray import tune

    runtime, scratch, resources = grid.runtime, grid.scratch, grid.resources
    tried = attempt

    def go_on() -> None:
        if tune_hooks.is_over(scratch):
            raise StoppedError

    def report(history: list[Epoch], where: str = "") -> None:
        rows = [asdict(epoch) for epoch in history]
        tune.report({"history": rows, "where": where or nodes.where()})
        go_on()

    work = grid.work
    if grid.place.spans:
        takes = multi_node.Takes(cpus=resources.cpus, gpus=resources.gpus, scratch=scratch)
        work = partial(multi_node.run, takes=takes, go_on=go_on)

    def body(config: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"failure": tried(work, config["planned"], runtime, report)}
        except StoppedError:
            return {}

    return body
