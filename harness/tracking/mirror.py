"""Mirror records and curves in MLflow while trials run, from a process of its own.

Records are the truth: a store that is dead, slow or broken costs no training time and loses
nothing, because `harness.tracking.sync` sends everything again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.experiment import Experiment
from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.report.output import TableOutput
from harness.tracking import (
    Store,
    StoreProcess,
    Table,
    Task,
    TrackingError,
    explained,
    opened,
    redact,
    subjects,
)
from harness.training.loop import Epoch

PAUSE_S = 60.0
CLOSE_S = 60.0
HURRY_S = 5.0
REST = 20.0  # after curves were sent, times as long as that took

_Place = tuple[str, str]


class Mirror:
    """The thread that asks another process to write to MLflow; no call waits for the store.

    Of the curves of a trial only the newest that waits is sent, and after curves it rests, so that
    they never take more than a twentieth of the time: a slow store gets fewer updates. What ends
    a trial is sent at once. After a trouble it warns once, lets a minute of updates go, and tries
    again: updates of a curve repeat what came before, and `sync` brings the rest.

    Args:
        uri: Where runs go.
        results: Folder that holds `records/` and, by default, the store.
        warn: Takes one sentence; called from the thread.
        campaign: Name of this launch, for runs that have no record yet.

    Attributes:
        connected: Whether the store did what it was last asked.
    """

    def __init__(
        self, uri: str, *, results: Path, warn: Callable[[str], None], campaign: str = ""
    ) -> None:
        self._uri = uri
        self._store = StoreProcess(uri, results, campaign)
        self._warn = warn
        self._warned = False
        self._paused_until = 0.0
        self._rest_until = 0.0
        self._closing = False
        self._steps: deque[Callable[[], None]] = deque()
        self._curves: dict[_Place, tuple[PlannedTrial, Sequence[Epoch]]] = {}
        self._changed = threading.Condition()  # what waits: steps, curves, an end
        self.connected = False
        self._thread = threading.Thread(target=self._work, name="mlflow mirror", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(timeout_s=CLOSE_S if error is None else HURRY_S)

    def epochs(self, planned: PlannedTrial, history: Sequence[Epoch]) -> None:
        """Send the curves of a trial so far; epochs that were sent before may come again."""
        with self._changed:
            self._curves[_place(planned)] = planned, tuple(history)
            self._changed.notify()

    def finished(self, planned: PlannedTrial, record: Record) -> None:
        """Complete the runs of a trial."""
        with self._changed:
            self._curves.pop(_place(planned), None)  # the record says all that they would
        for subject in subjects(planned):
            self._ask(partial(Store.finished, subject=subject, record=record))

    def failed(self, planned: PlannedTrial, reason: str) -> None:
        """End the runs of a trial as failed."""
        self._then(self._send_curves)
        for subject in subjects(planned):
            self._ask(partial(Store.failed, subject=subject, reason=reason))

    def table(
        self,
        experiment: Experiment,
        *,
        scale: str,
        output: TableOutput,
        records: Sequence[Record],
    ) -> None:
        """Put a table, its figures and its records into its run, and its verdicts on the trials'.

        Args:
            experiment: The table.
            scale: Where its numbers were measured.
            output: What was written.
            records: Those that the table is made from.
        """
        wanted = Table(name=experiment.name, scale=scale, output=output, records=tuple(records))
        self._ask(partial(Store.table, table=wanted))

    @property
    def alive(self) -> bool:
        """Say whether the thread still works."""
        return self._thread.is_alive()

    def close(self, *, timeout_s: float) -> None:
        """Send what waits and end; runs that did not finish become killed.

        Args:
            timeout_s: Seconds after which the rest is left to `harness sync`.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        if self.alive:
            left = len(self._steps) + len(self._curves)
            self._say(
                f"MLflow at {redact(self._uri)} still had {left} updates to take after "
                f"{timeout_s:g} s; `harness sync` sends them"
            )
            self._store.kill()

    def _ask(self, task: Task) -> None:
        self._then(partial(self._do, task))

    def _then(self, step: Callable[[], None]) -> None:
        with self._changed:
            self._steps.append(step)
            self._changed.notify()

    def _work(self) -> None:
        self._do(opened)
        while (step := self._next()) is not None:
            step()
        self._send_curves()
        if self.connected:
            self._do(Store.leave)
        self._store.close()

    def _next(self) -> Callable[[], None] | None:
        """Wait for what is to be done next; None at the end."""
        with self._changed:
            while not self._steps and not self._closing:
                rest_s = self._rest_until - time.monotonic() if self._curves else None
                if rest_s is not None and rest_s <= 0:
                    return self._send_curves
                self._changed.wait(rest_s)
            return self._steps.popleft() if self._steps else None

    def _send_curves(self) -> None:
        with self._changed:
            waiting, self._curves = self._curves, {}
        start = time.monotonic()
        for planned, history in waiting.values():
            rows = [vars(epoch) for epoch in history]
            for subject in subjects(planned):
                self._do(partial(Store.epochs, subject=subject, history=rows))
        end = time.monotonic()
        self._rest_until = end + REST * (end - start)

    def _do(self, task: Task) -> None:
        if time.monotonic() >= self._paused_until:
            self.connected = self._tries(partial(self._store.do, task))

    def _tries(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except TrackingError as error:
            self._paused_until = time.monotonic() + PAUSE_S
            self._say(f"{error}; trials go on, `harness sync` sends what is missing")
            return False
        return True

    def _say(self, sentence: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(sentence)


def _place(planned: PlannedTrial) -> _Place:
    return planned.table, planned.key


def check(uri: str, *, results: Path) -> None:
    """Open the store, for those who want no run without it.

    Raises:
        TrackingError: If it refuses or does not answer.
    """
    with explained(uri):
        Store(uri, results)
