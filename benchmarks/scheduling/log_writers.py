"""Processes that work and log at once, to measure what logging costs a trial.

Each does a fixed amount of work in an epoch: half of the epochs without MLflow, all of them with
it, the other half without. These parts begin together in all processes.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from threading import Barrier
from typing import NamedTuple

import torch

from benchmarks.scheduling import idle_trial
from harness import record
from harness.plan.grid import PlannedTrial
from harness.runtime import Runtime
from harness.tracking.mirror import Mirror
from harness.utils.process import exit_with_parent

WAIT_S = 600.0
POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Settings of the measurement.

    Attributes:
        processes: That log at once, a trial each.
        epochs: Of a trial.
        steps: Products of matrices in an epoch, about a millisecond each.
        alone: Trials that log one after the other, with nobody beside them.
    """

    processes: int = 16
    epochs: int = 100
    steps: int = 100
    alone: int = 5


class Clock(NamedTuple):
    """Seconds of the calling thread: of the processor, and of the wall."""

    used: float
    wall: float


@dataclass(frozen=True, kw_only=True)
class Logged:
    """The log calls of one process.

    Attributes:
        key: Of its trial.
        losses: Its curve, by epoch.
        warnings: Sentences of the mirror.
        calls: Time in all calls of the mirror.
        longest_s: Of one call, by the wall.
        logging: Time of the epochs with MLflow, the calls among it.
        silent: Time of as many epochs without.
    """

    key: str
    losses: dict[int, float]
    warnings: list[str]
    calls: Clock
    longest_s: float
    logging: Clock
    silent: Clock


def together(
    uri: str, runtime: Runtime, seeds: Sequence[int], setting: Setting, *, at_once: int
) -> list[Logged]:
    """Log a trial for each seed from new processes, which begin together."""
    context = get_context("spawn")
    barrier = context.Barrier(at_once)
    with ProcessPoolExecutor(
        at_once, mp_context=context, initializer=_start, initargs=(barrier,)
    ) as pool:
        return list(pool.map(partial(_log, uri, runtime, setting=setting), seeds))


_barriers: list[Barrier] = []


def _start(barrier: Barrier) -> None:
    exit_with_parent()
    _barriers.append(barrier)
    torch.set_num_threads(1)


def _log(uri: str, runtime: Runtime, seed: int, setting: Setting) -> Logged:
    """Work without logging, with it, and without again."""
    planned, history = _planned(seed, runtime), idle_trial.epochs(setting.epochs)
    calls: list[Clock] = []
    warnings: list[str] = []
    mirror = Mirror(uri, results=runtime.results, warn=warnings.append)
    # MLflow is imported once, before any trial is timed.
    while mirror.is_alive and not (mirror.is_connected or warnings):
        time.sleep(POLL_S)
    half = setting.epochs // 2
    silent = [_part(partial(_work, half, setting.steps))]

    def tell(count: int) -> None:
        calls.append(_clocked(partial(mirror.log_epochs, planned, history[:count])))

    logging = _part(partial(_work, setting.epochs, setting.steps, tell))
    mirror.finish_trial(planned, idle_trial.leave(planned.trial, runtime, history))
    mirror.close(timeout_s=WAIT_S)
    silent.append(_part(partial(_work, setting.epochs - half, setting.steps)))
    return Logged(
        key=planned.key,
        losses={epoch.epoch: epoch.loss for epoch in history},
        warnings=warnings,
        calls=_sum(calls),
        longest_s=max(call.wall for call in calls),
        logging=logging,
        silent=_sum(silent),
    )


def _part(action: Callable[[], None]) -> Clock:
    _barriers[-1].wait(WAIT_S)
    return _clocked(action)


def _clocked(action: Callable[[], None]) -> Clock:
    used, wall = time.thread_time(), time.perf_counter()
    action()
    return Clock(time.thread_time() - used, time.perf_counter() - wall)


def _sum(clocks: Sequence[Clock]) -> Clock:
    return Clock(*(sum(column) for column in zip(*clocks, strict=True)))


def _work(epochs: int, steps: int, tell: Callable[[int], None] = lambda _: None) -> None:
    """Multiply matrices, as a trial does between its epochs."""
    x = torch.eye(256)
    for epoch in range(1, epochs + 1):
        for _ in range(steps):
            x = x @ x
        tell(epoch)


def _planned(seed: int, runtime: Runtime) -> PlannedTrial:
    trial = next(trial for trial in idle_trial.trials(seed + 1) if trial.seed == seed)
    key = record.trial_key(trial, idle_trial.videos(runtime.data).digest)
    row = idle_trial.TABLE.rows[0].label
    return PlannedTrial(
        table=idle_trial.TABLE.name, rows=(row,), trial=trial, key=key, state="missing", record=None
    )
