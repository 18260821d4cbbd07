"""Many trials: side by side on Ray, or one after the other in this process.

Ray places trials and starts dead ones again; it keeps nothing: what is left to do is worked out
from the records, and a trial goes on from its own checkpoint.
"""

import contextlib
import os
import shutil
import signal
import sys
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import nodes, record, trial
from harness.nodes import Node
from harness.plan import Planned
from harness.record import Record
from harness.runtime import Runtime
from harness.train import Epoch


@dataclass(frozen=True, kw_only=True)
class Event:
    """News of a trial: its curve so far, or its end.

    Attributes:
        planned: The trial.
        history: Finished epochs; empty when it has just started.
        record: What it left, once it has finished.
        failure: Why it ended without a record, in a sentence.
    """

    planned: Planned
    history: Sequence[Epoch] = ()
    record: Record | None = None
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What Ray gives to trials.

    Attributes:
        address: A running cluster, or None for a local one that ends with the run.
        cpus: Processor cores of one trial.
        gpus: GPUs of one trial; a fraction shares one.
        retries: Times that a trial whose process died is started again.
    """

    address: str | None = None
    cpus: float = 1
    gpus: float = 0
    retries: int = 2


Watch = Callable[[Event], None]


def in_process(planned: Sequence[Planned], runtime: Runtime, watch: Watch) -> None:
    """Run trials one after the other, here."""
    for each in planned:

        def report(history: list[Epoch], each: Planned = each) -> None:
            watch(Event(planned=each, history=history))

        watch(_ended(each, runtime, _attempt(each, runtime, report)))


def on_ray(
    planned: Sequence[Planned], runtime: Runtime, watch: Watch, resources: Resources
) -> None:
    """Run trials side by side on Ray, through one Tune experiment that is thrown away.

    Raises:
        ValueError: If no node could ever run a trial, or if the nodes share no results folder.
        KeyboardInterrupt: On SIGINT or SIGTERM; started trials resume in the next run.
    """
    scratch = runtime.results / "work" / "tune"
    log = runtime.results / "logs" / "ray.log"
    with _chatter_to(log):
        try:
            with nodes.connected(resources.address) as found:
                signal.signal(signal.SIGTERM, _interrupt)
                _refuse(found, runtime.results, resources)
                _tune(planned, runtime, watch, resources, scratch)
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


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _tune(
    planned: Sequence[Planned], runtime: Runtime, watch: Watch, resources: Resources, scratch: Path
) -> None:
    from ray import tune

    class Watcher(tune.Callback):
        def __reduce__(self) -> tuple[type, tuple[()]]:
            return tune.Callback, ()  # Tune pickles it into a file that nobody reads

        def on_trial_result(self, **info: Any) -> None:  # type: ignore[override]
            if "history" in info["result"]:
                rows = [Epoch(**row) for row in info["result"]["history"]]
                watch(Event(planned=info["trial"].config["planned"], history=rows))

        def on_trial_complete(self, **info: Any) -> None:  # type: ignore[override]
            each, last = info["trial"].config["planned"], info["trial"].last_result
            watch(_ended(each, runtime, last.get("failure")))

        def on_trial_error(self, **info: Any) -> None:  # type: ignore[override]
            each, reason = info["trial"].config["planned"], _last_error(info["trial"])
            watch(
                _ended(each, runtime, f"its process died {resources.retries + 1} times; {reason}")
            )

    def body(config: dict[str, Any]) -> dict[str, Any]:
        def report(history: list[Epoch]) -> None:
            tune.report({"history": [asdict(epoch) for epoch in history]})

        return {"failure": _attempt(config["planned"], runtime, report)}

    tune.Tuner(
        tune.with_resources(body, {"cpu": resources.cpus, "gpu": resources.gpus}),
        param_space={"planned": tune.grid_search(list(planned))},
        tune_config=tune.TuneConfig(
            trial_dirname_creator=lambda each: each.trial_id,
            # A new process imports for ten seconds; on a GPU it also gives the memory back.
            reuse_actors=resources.gpus == 0,
        ),
        run_config=tune.RunConfig(
            name=uuid.uuid4().hex,
            storage_path=str(scratch),
            failure_config=tune.FailureConfig(max_failures=resources.retries),
            callbacks=[Watcher()],
            verbose=0,
        ),
    ).fit()


def _attempt(
    planned: Planned, runtime: Runtime, report: Callable[[list[Epoch]], None]
) -> str | None:
    """Run one trial; return why it failed, or None. Only a dead process is tried again."""
    try:
        trial.run(planned.trial, runtime, report)
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


@contextlib.contextmanager
def _chatter_to(path: Path) -> Iterator[None]:
    """Send what Ray prints to a file: all of standard error, and Python's standard output.

    A console that keeps the standard output it was made with goes on showing progress.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    before = os.dup(2)
    with path.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
