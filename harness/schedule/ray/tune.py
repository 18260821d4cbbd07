"""Trials side by side on Ray.

Ray places trials and restarts dead ones, but stores nothing: records say which trials remain, and
a trial resumes from its own checkpoint.
"""

import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.plan.grid import PlannedTrial
from harness.runtime import Runtime
from harness.schedule import local_ranks, rank_messages
from harness.schedule.attempt import EventCallback, TrialFunction, run_attempt
from harness.schedule.ray import capacity, multi_node, nodes, session
from harness.schedule.ray.capacity import Capacity
from harness.schedule.ray.nodes import Node
from harness.schedule.stop import Interrupted, Stop


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Ray's resources for trials.

    Attributes:
        address: A running cluster, or None for a local one that ends with the run.
        cpus: Processor cores of one trial.
        gpus: GPUs of one trial; a fraction shares one.
        retries: Restarts of a trial whose process died.
        max_concurrent: Most trials side by side; None for as many as fit.
    """

    address: str | None = None
    cpus: float = 1
    gpus: float = 0
    retries: int = 2
    max_concurrent: int | None = None


def run_on_ray(
    trials: Sequence[PlannedTrial],
    runtime: Runtime,
    on_event: EventCallback,
    resources: Resources,
    stop: Stop | None = None,
    log: Callable[[str], None] = lambda _: None,
    *,
    run_trial: TrialFunction = local_ranks.run,
) -> None:
    """Run trials side by side on Ray, as one Tune experiment whose files are deleted.

    A trial in ranks that fits on no node spans several, if it fits on them together. This is
    decided once, for the nodes that are alive at the start.

    Args:
        trials: Trials to run.
        runtime: Where and how.
        on_event: Takes the events, in this thread.
        resources: Of one trial.
        stop: Once it is requested, no trial starts, and each running one ends with its next
            report. Its handlers replace those of Ray.
        log: Takes a sentence on the placement of trials in ranks.
        run_trial: Trains and scores a trial that stays on one node, and writes its record.

    Raises:
        ValueError: If the nodes cannot hold a trial, or do not share the results folder.
        Interrupted: If this process is to end at once; started trials resume in the next run.
    """
    stop = stop or Stop()
    with session.redirect_output(runtime.results / "logs" / "ray.log"):
        try:
            with _one_interruption(stop), session.connect(resources.address) as cluster:
                stop.install_handlers()
                room = _check_nodes(cluster, runtime, resources)
                if runtime.ranks > 1:
                    log(_describe(room, runtime.ranks))
                if not stop.is_requested:
                    _tune(trials, runtime, on_event, resources, stop, room, run_trial)
        finally:
            shutil.rmtree(_scratch(runtime), ignore_errors=True)


@contextmanager
def _one_interruption(stop: Stop) -> Iterator[None]:
    """Turn whatever Ray makes of a signal into `Interrupted`."""
    try:
        yield
    except Interrupted:
        raise
    except SystemExit:  # Ray's own answer to SIGTERM, while it starts
        raise Interrupted(128 + signal.SIGTERM) from None
    except KeyboardInterrupt:  # an `Interrupted` that Ray met in a wait
        raise Interrupted(stop.code or 128 + signal.SIGINT) from None


def _check_nodes(cluster: Sequence[Node], runtime: Runtime, resources: Resources) -> Capacity:
    """Refuse trials that would wait forever, and nodes whose records would be lost."""
    room = capacity.find_capacity(
        cluster, cpus=resources.cpus, gpus=resources.gpus, ranks=runtime.ranks
    )
    unshared = nodes.find_unshared(runtime.results, cluster) if len(cluster) > 1 else {}
    for name, why in unshared.items():
        raise ValueError(
            f"node {name} does not share {runtime.results} with this one ({why}); "
            "put --results on a file system that every node mounts"
        )
    return room


def _describe(room: Capacity, ranks: int) -> str:
    place = "spans nodes, as no node" if room.spans_nodes else "stays on one node, which"
    return f"each trial {place} holds its {ranks} ranks; room for {room.num_trials} at once"


def _tune(
    trials: Sequence[PlannedTrial],
    runtime: Runtime,
    on_event: EventCallback,
    resources: Resources,
    stop: Stop,
    room: Capacity,
    run_trial: TrialFunction,
) -> None:
    """Run trials as one Tune experiment."""
    _import_tune_without_mlflow()
    from ray import tune

    from harness.schedule.ray import tune_hooks  # it imports Ray, which only now may start

    scratch = _scratch(runtime)
    tuner = tune.Tuner(
        tune.with_resources(
            _trainable(runtime, resources, room, run_trial), _reservation(resources, room)
        ),
        param_space={"planned": tune.grid_search(list(trials))},
        tune_config=tune.TuneConfig(
            trial_dirname_creator=lambda trial: trial.trial_id,
            scheduler=tune_hooks.StoppableFIFO(stop, scratch if room.spans_nodes else None),
            max_concurrent_trials=_concurrency(resources, room),
            # A new process imports for ten seconds; on a GPU it also gives the memory back.
            reuse_actors=resources.gpus == 0,
        ),
        run_config=tune.RunConfig(
            name=uuid.uuid4().hex,
            storage_path=str(scratch),
            failure_config=tune.FailureConfig(max_failures=resources.retries),
            callbacks=[tune_hooks.ResultCallback(on_event, runtime, resources.retries)],
            verbose=0,
        ),
    )
    spanning = trials if room.spans_nodes else []
    with multi_node.stop_ranks_on_error(
        [rank_messages.message_folder(runtime, trial.key) for trial in spanning]
    ):
        tuner.fit()


def _scratch(runtime: Runtime) -> Path:
    """Return the folder for files of Ray that the harness does not read."""
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

    if room.spans_nodes:
        return tune.PlacementGroupFactory([{"memory": 1}])  # a byte: Tune refuses an empty one
    return {"cpu": resources.cpus, "gpu": resources.gpus}


def _concurrency(resources: Resources, room: Capacity) -> int | None:
    """Return the most trials at once; Tune cannot count ranks across nodes itself."""
    limit = resources.max_concurrent
    return min(room.num_trials, limit or room.num_trials) if room.spans_nodes else limit


def _trainable(
    runtime: Runtime, resources: Resources, room: Capacity, run_trial: TrialFunction
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the function that Tune runs for a trial."""
    from harness.schedule.ray import trainable

    scratch = _scratch(runtime)
    if room.spans_nodes:
        run_trial = partial(
            multi_node.run,
            resources=multi_node.TrialResources(
                cpus=resources.cpus, gpus=resources.gpus, scratch=scratch
            ),
            check_stop=partial(trainable.raise_if_stopped, scratch),
        )
    return partial(
        trainable.run_in_tune,
        run_attempt=run_attempt,
        run_trial=run_trial,
        runtime=runtime,
        scratch=scratch,
    )
