"""Processes that die at a named point of a trial, and the command line at a tiny scale.

The points are patched into the harness from outside, in processes that only tests start:
`HARNESS_TEST_KILL` holds `<key>=<point>` pairs, and a file in the results folder says that a
process has died there.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments import scales
from experiments.table_b import EXPERIMENT
from harness import record
from harness.cli.main import main
from harness.plan.grid import PlannedTrial
from harness.runtime import Runtime
from harness.schedule import serial
from harness.schedule.attempt import TrialEvent, TrialFunction
from harness.specs import Trial
from harness.training import checkpoint, loop, trainer
from tests.helpers.tiny_trials import shrunk

KILL = "HARNESS_TEST_KILL"
EPOCH = 2  # of three
RESUMED = {
    "batch": [1],
    "before save": [1],
    "in save": [1],
    "before rename": [1],
    "after save": [2],
    "before report": [2],
    "in record": [3],
    "before cleaning": [],
}
attempt = serial.run_attempt


def of_epochs(count: int) -> Callable[[Trial], Trial]:
    """Return a scale of tiny trials; those of many epochs can be killed in the middle."""

    def rescale(whole: Trial) -> Trial:
        small = shrunk(whole)
        every = small.evaluation.every_epochs if count < 10 else 0
        return replace(
            small,
            train=replace(small.train, epochs=count),
            evaluation=replace(small.evaluation, every_epochs=every),
        )

    return rescale


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def before(owner: Any, name: str, when: Callable[..., bool]) -> Iterator[None]:
    """Make this process die before a call with matching arguments."""
    call = getattr(owner, name)

    def deadly(*args: Any, **named: Any) -> Any:
        if when(*args, **named):
            die()
        return call(*args, **named)

    setattr(owner, name, deadly)
    try:
        yield
    finally:
        setattr(owner, name, call)


@contextlib.contextmanager
def around_save(*, inside: str = "", after: bool = False) -> Iterator[None]:
    """Make this process die during or after the save of an epoch."""
    save, owner = checkpoint.save, {"fsync": os, "replace": Path}.get(inside)

    def deadly(folder: Path, state: dict[str, Any], *, epoch: int) -> Path:
        with contextlib.ExitStack() as stack:
            if owner is not None and epoch == EPOCH:
                stack.enter_context(before(owner, inside, lambda *_: True))
            path = save(folder, state, epoch=epoch)
        if after and epoch == EPOCH:
            die()
        return path

    checkpoint.save = deadly
    try:
        yield
    finally:
        checkpoint.save = save


def armed(point: str, key: str) -> contextlib.AbstractContextManager[None]:
    """Make this process die at a point of a trial."""
    steps = iter(range(1_000))
    points = {
        # Three steps an epoch: the fifth is in the middle of the second.
        "batch": lambda: before(trainer.Trainer, "_update", lambda *_: next(steps) == 4),
        "before save": lambda: before(checkpoint, "save", lambda *_, epoch: epoch == EPOCH),
        "in save": lambda: around_save(inside="fsync"),
        "before rename": lambda: around_save(inside="replace"),
        "after save": lambda: around_save(after=True),
        "in record": lambda: before(record, "write_atomic", lambda path, _: path.suffix == ".json"),
        "before cleaning": lambda: before(shutil, "rmtree", lambda path, **_: path.name == key),
    }
    return points[point]() if point in points else contextlib.nullcontext()


def disturbed(
    work: TrialFunction,
    planned: PlannedTrial,
    runtime: Runtime,
    report: Callable[..., None],
) -> str | None:
    """Stand for `attempt.run_attempt`: die once, where the environment says so."""
    point = json.loads(os.environ[KILL]).get(planned.key, "")
    mark = runtime.results / "killed" / planned.key
    if not point or mark.exists():
        return attempt(work, planned, runtime, report)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(point)

    def told(history: list[loop.Epoch], *where: str) -> None:
        if point == "before report" and len(history) == EPOCH:
            die()
        report(history, *where)

    with armed(point, planned.key):
        return attempt(work, planned, runtime, told)


def forked(call: Callable[[], None]) -> int:
    """Call a function in a fork of this process and return its exit status."""
    pid = os.fork()
    if pid == 0:
        call()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def one(runtime: Runtime) -> PlannedTrial:
    """Plan one trial of three epochs."""
    whole = EXPERIMENT.rows[3].trial
    assert whole is not None
    small = of_epochs(3)(whole)
    from harness import data

    key = record.trial_key(small, data.load_passport(small.data, runtime.data).digest)
    return PlannedTrial(
        table="table_b", rows=("DSA at II",), trial=small, key=key, state="missing", record=None
    )


def run_one(planned: PlannedTrial, runtime: Runtime) -> None:
    """Run a trial in this process and keep its error."""
    events: list[TrialEvent] = []
    serial.run_serially([planned], runtime, events.append)
    (runtime.results / "said").write_text(events[-1].failure or "")


def run_out_of_room(planned: PlannedTrial, runtime: Runtime) -> None:
    """Run a trial on a disk that is full after its first epoch, and then run it again."""
    small, unlimited = (10_000, resource.RLIM_INFINITY), (resource.RLIM_INFINITY,) * 2
    events: list[TrialEvent] = []

    def watch(event: TrialEvent) -> None:
        events.append(event)
        if len(event.history) == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, small)

    serial.run_serially([planned], runtime, watch)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    left = checkpoint.load_newest(runtime.work(planned.key))
    assert left is not None
    said = {"failure": events[-1].failure, "epochs_left": len(left["history"])}
    (runtime.results / "full.json").write_text(json.dumps(said))
    run_one(planned, runtime)


def scenarios(root: Path, data_root: Path) -> None:
    """Run a trial undisturbed, then in forks that die, and then again to its end."""
    serial.run_attempt = disturbed
    os.environ[KILL] = "{}"
    whole = Runtime(results=root / "whole", data=data_root)
    planned = one(whole)
    run_one(planned, whole)
    ends = {}
    for point in RESUMED:
        os.environ[KILL] = json.dumps({planned.key: point})
        here = replace(whole, results=root / point)
        ends[point] = forked(lambda here=here: run_one(planned, here))
        if record.read(here.results, planned.key) is None:
            assert forked(lambda here=here: run_one(planned, here)) == 0
    os.environ[KILL] = "{}"
    ends["full disk"] = forked(
        lambda: run_out_of_room(planned, replace(whole, results=root / "full disk"))
    )
    (root / "ends.json").write_text(json.dumps({"key": planned.key, "ends": ends}))


def command() -> None:
    """Return the command line with a desk scale that takes seconds."""
    scales.SCALES["desk"] = of_epochs(int(sys.argv[2]))
    sys.argv = ["harness", *sys.argv[3:]]
    main()


if __name__ == "__main__":
    if sys.argv[1] == "scenarios":
        scenarios(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        command()
