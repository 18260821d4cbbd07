"""Many trials, side by side on Ray.

Ray places trials and starts dead ones again; it keeps nothing: what is left to do is worked out
from the records, and a trial goes on from its own checkpoint.
"""

import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.plan.grid import PlannedTrial
from harness.runtime import Runtime
from harness.schedule import local_ranks, rank_messages
from harness.schedule.attempt import Watch, Work, attempt
from harness.schedule.ray import capacity, multi_node, nodes, session
from harness.schedule.ray.capacity import Capacity
from harness.schedule.ray.nodes import Node
from harness.schedule.stop import Interrupted, Stop


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
                room = _room(found, runtime, resources)
                if runtime.ranks > 1:
                    say(_said(room, runtime.ranks))
                if not stop.asked:
                    _tune(planned, runtime, watch, resources, stop, room, work)
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


def _tune(
    planned: Sequence[PlannedTrial],
    runtime: Runtime,
    watch: Watch,
    resources: Resources,
    stop: Stop,
    room: Capacity,
    work: Work,
) -> None:
    """Run trials as one Tune experiment."""
    _import_tune_without_mlflow()
    from ray import tune

    from harness.schedule.ray import tune_hooks  # it imports Ray, which only now may start

    scratch = _scratch(runtime)
    tuner = tune.Tuner(
        tune.with_resources(
            _trainable(runtime, resources, room, work), _reservation(resources, room)
        ),
        param_space={"planned": tune.grid_search(list(planned))},
        tune_config=tune.TuneConfig(
            trial_dirname_creator=lambda trial: trial.trial_id,
            scheduler=tune_hooks.StoppableFIFO(stop, scratch if room.spans else None),
            max_concurrent_trials=_concurrency(resources, room),
            # A new process imports for ten seconds; on a GPU it also gives the memory back.
            reuse_actors=resources.gpus == 0,
        ),
        run_config=tune.RunConfig(
            name=uuid.uuid4().hex,
            storage_path=str(scratch),
            failure_config=tune.FailureConfig(max_failures=resources.retries),
            callbacks=[tune_hooks.EventCallback(watch, runtime, resources.retries)],
            verbose=0,
        ),
    )
    spanning = planned if room.spans else []
    with multi_node.ended([rank_messages.folder(runtime, trial.key) for trial in spanning]):
        tuner.fit()


def _scratch(runtime: Runtime) -> Path:
    """Return the folder for files that Ray writes and nobody reads."""
    return runtime.results / "work" / "tune"


def _import_tune_without_mlflow() -> None:
    """Hide MLflow while Tune is imported, which loads it only to count callbacks by kind."""
    if "mlflow" not in sys.modules:
        sys.modules["mlflow"] = None  # type: ignore[assignment]
        try:
            import ray.air.integrations.mlflow  # noqa: F401
        finally:
            del sys.modules["mlflow"]


def _reservation(resources: Resources, room: Capacity) -> Any:
    """Return what Tune reserves for a trial; Ray Train reserves for ranks across nodes."""
    from ray import tune

    if room.spans:
        return tune.PlacementGroupFactory([{"memory": 1}])  # a byte: Tune refuses an empty one
    return {"cpu": resources.cpus, "gpu": resources.gpus}


def _concurrency(resources: Resources, room: Capacity) -> int | None:
    """Return how many trials may run at once; None where Tune itself counts reservations."""
    limit = resources.at_once
    return min(room.at_once, limit or room.at_once) if room.spans else limit


def _trainable(
    runtime: Runtime, resources: Resources, room: Capacity, work: Work
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the function that Tune runs for a trial."""
    from harness.schedule.ray import trainable

    scratch = _scratch(runtime)
    if room.spans:
        work = partial(
            multi_node.run,
            takes=multi_node.Takes(cpus=resources.cpus, gpus=resources.gpus, scratch=scratch),
            go_on=partial(trainable.raise_if_stopped, scratch),
        )
    return partial(
        trainable.run_trial, attempt=attempt, work=work, runtime=runtime, scratch=scratch
    )
