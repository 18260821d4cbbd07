"""Many trials: side by side on Ray, or one after the other in this process.

Ray places trials and starts dead ones again; it keeps nothing: what is left to do is worked out
from the records, and a trial goes on from its own checkpoint.
"""

import contextlib
import platform
import shutil
import signal
import traceback
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import elastic, nodes, record
from harness.nodes import Node
from harness.plan import Planned
from harness.record import Record
from harness.runtime import Runtime
from harness.specs import Trial
from harness.stopping import Interrupted, Stop
from harness.train import Epoch
from harness.trial import Report


@dataclass(frozen=True, kw_only=True)
class Event:
    """News of a trial: its curve so far, or its end.

    Attributes:
        planned: The trial.
        history: Finished epochs; empty when it has just started.
        record: What it left, once it has finished.
        failure: Why it ended without a record, in a sentence.
        where: Node and devices on which it runs.
    """

    planned: Planned
    history: Sequence[Epoch] = ()
    record: Record | None = None
    failure: str | None = None
    where: str = ""


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


Watch = Callable[[Event], None]
Work = Callable[[Trial, Runtime, Report], Record]


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A trial ended after an epoch because the run is to stop."""


def in_process(
    planned: Sequence[Planned],
    runtime: Runtime,
    watch: Watch,
    stop: Stop | None = None,
    *,
    work: Work = elastic.run,
) -> None:
    """Run trials one after the other, here, until all have ended or `stop` was asked."""
    stop = stop or Stop()
    for each in planned:

        def report(history: list[Epoch], each: Planned = each) -> None:
            watch(Event(planned=each, history=history, where=platform.node()))
            if stop.asked:
                raise _Stopped

        if stop.asked:
            return
        with contextlib.suppress(_Stopped):
            try:
                failure = _attempt(work, each, runtime, report)
            except elastic.RankError as error:  # on Ray it starts again, here nothing does
                failure = str(error)
            watch(_ended(each, runtime, failure))


def on_ray(
    planned: Sequence[Planned],
    runtime: Runtime,
    watch: Watch,
    resources: Resources,
    stop: Stop | None = None,
    *,
    work: Work = elastic.run,
) -> None:
    """Run trials side by side on Ray, through one Tune experiment that is thrown away.

    Args:
        planned: What to run.
        runtime: Where and how.
        watch: Takes the events, in this thread.
        resources: What a trial gets.
        stop: Once asked, no trial starts, and each that runs ends with its next report; its
            handlers replace those that Ray brings.
        work: What a trial does; it reports its history so far, and leaves a record.

    Raises:
        ValueError: If no node could ever run a trial, or if the nodes share no results folder.
        Interrupted: If `stop` is to leave at once; started trials resume in the next run.
    """
    stop = stop or Stop()
    scratch = runtime.results / "work" / "tune"
    log = runtime.results / "logs" / "ray.log"
    with nodes.chatter_to(log):
        try:
            with nodes.connected(resources.address) as found:
                stop.install()
                _refuse(found, runtime.results, resources)
                if not stop.asked:
                    _tune(planned, runtime, watch, resources, scratch, stop, work)
        except SystemExit:  # Ray's own answer to SIGTERM, while it starts
            raise Interrupted(128 + signal.SIGTERM) from None
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _refuse(found: Sequence[Node], results: Path, resources: Resources) -> None:
    """Refuse what would wait for ever, and a node whose records would arrive nowhere."""
    nodes.at_once(found, cpus=resources.cpus, gpus=resources.gpus)
    if len(found) == 1:
        return
    for name, why in nodes.unshared(results, found).items():
        raise ValueError(
            f"node {name} does not share {results} with this one ({why}); "
            "put --results on a file system that every node mounts"
        )


def _tune(
    planned: Sequence[Planned],
    runtime: Runtime,
    watch: Watch,
    resources: Resources,
    scratch: Path,
    stop: Stop,
    work: Work,
) -> None:
    from ray import tune

    def body(config: dict[str, Any]) -> dict[str, Any]:
        def report(history: list[Epoch]) -> None:
            tune.report({"history": [asdict(epoch) for epoch in history], "where": nodes.where()})

        return {"failure": _attempt(work, config["planned"], runtime, report)}

    tune.Tuner(
        tune.with_resources(body, {"cpu": resources.cpus, "gpu": resources.gpus}),
        param_space={"planned": tune.grid_search(list(planned))},
        tune_config=tune.TuneConfig(
            trial_dirname_creator=lambda each: each.trial_id,
            scheduler=_until(stop),
            max_concurrent_trials=resources.at_once,
            # A new process imports for ten seconds; on a GPU it also gives the memory back.
            reuse_actors=resources.gpus == 0,
        ),
        run_config=tune.RunConfig(
            name=uuid.uuid4().hex,
            storage_path=str(scratch),
            failure_config=tune.FailureConfig(max_failures=resources.retries),
            callbacks=[_watcher(runtime, watch, resources)],
            verbose=0,
        ),
    ).fit()


def _watcher(runtime: Runtime, watch: Watch, resources: Resources) -> Any:
    """Return what turns news of Tune into events."""
    from ray import tune

    class Watcher(tune.Callback):
        def __reduce__(self) -> tuple[type, tuple[()]]:
            return tune.Callback, ()  # Tune pickles it into a file that nobody reads

        def on_trial_result(self, **info: Any) -> None:  # type: ignore[override]
            each, result = info["trial"].config["planned"], info["result"]
            if "history" in result:
                rows = [Epoch(**row) for row in result["history"]]
                watch(Event(planned=each, history=rows, where=result["where"]))

        def on_trial_complete(self, **info: Any) -> None:  # type: ignore[override]
            each, last = info["trial"].config["planned"], info["trial"].last_result
            if "failure" in last:  # else it was stopped
                watch(_ended(each, runtime, last["failure"]))

        def on_trial_error(self, **info: Any) -> None:  # type: ignore[override]
            each, reason = info["trial"].config["planned"], _last_error(info["trial"])
            died = f"its process died {resources.retries + 1} times; {reason}"
            watch(_ended(each, runtime, died))

    return Watcher()


def _until(stop: Stop) -> Any:
    """Return what starts trials in their order and, once stop is asked, ends them one by one."""
    from ray.tune.experiment import Trial
    from ray.tune.schedulers import FIFOScheduler

    class Until(FIFOScheduler):
        def __reduce__(self) -> tuple[type, tuple[()]]:
            return FIFOScheduler, ()

        def on_trial_result(self, *_: Any) -> str:
            # Until it is told to go on, a trial waits in its report, its checkpoint written.
            return str(self.STOP if stop.asked else self.CONTINUE)

        def choose_trial_to_run(self, tune_controller: Any) -> Any:
            if not stop.asked:
                return super().choose_trial_to_run(tune_controller)
            for each in tune_controller.get_trials():
                if each.status == Trial.PENDING:
                    each.init_local_path()  # Tune lists the folders of all trials at its end
                    tune_controller.stop_trial(each)
            return None

    return Until()  # type: ignore[no-untyped-call]


def _attempt(work: Work, planned: Planned, runtime: Runtime, report: Report) -> str | None:
    """Run one trial; return why it failed, or None. Only a dead process is tried again."""
    try:
        work(planned.trial, runtime, report)
    except (_Stopped, elastic.RankError):
        raise
    except (ValueError, ArithmeticError) as error:
        return str(error)
    except Exception as error:
        kept = _keep_trace(runtime.results / "logs" / f"{planned.key}.txt")
        return f"{type(error).__name__}: {error} ({kept})"
    return None


def _keep_trace(path: Path) -> str:
    """Write the traceback of what was just raised, perhaps because the disk is full."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError as error:
        return f"no traceback, for {path} cannot be written: {error.strerror}"
    return f"traceback in {path}"


def _ended(planned: Planned, runtime: Runtime, failure: str | None) -> Event:
    done = None if failure else record.read(runtime.results, planned.key)
    return Event(planned=planned, record=done, failure=failure)


def _last_error(trial: Any) -> str:
    """Return the last line of what Tune kept of an error."""
    text = trial.get_error() or "no reason is known"
    return str(text).strip().splitlines()[-1]
