"""Mirror records and curves in MLflow while trials run, from a thread of its own.

Records are the truth: a store that is dead, slow or broken costs no training time and loses
nothing, because `harness.replay` sends everything again.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from harness.plan import Planned
from harness.record import Record
from harness.specs import Experiment
from harness.track import (
    Output,
    Store,
    Table,
    explain,
    explained,
    redact,
    subjects,
    troubles,
)
from harness.train import Epoch

PAUSE_S = 60.0
CLOSE_S = 60.0
HURRY_S = 5.0


class Mirror:
    """The thread that writes to MLflow, and its queue; no call waits for the store.

    Of the curves of a trial only the newest that waits is sent: a slow store gets fewer updates.
    After a trouble it warns once, lets a minute of updates go, and tries again: updates of a
    curve repeat what came before, and `sync` brings the rest.

    Args:
        uri: Where runs go.
        results: Folder that holds `records/` and, by default, the store.
        warn: Takes one sentence; called from the thread.
        campaign: Name of this launch, for runs that have no record yet.
    """

    def __init__(
        self, uri: str, *, results: Path, warn: Callable[[str], None], campaign: str = ""
    ) -> None:
        self._uri = uri
        self._open = partial(Store, uri, results, campaign)
        self._warn = warn
        self._warned = False
        self._paused_until = 0.0
        self._store: Store | None = None
        self._newest: dict[tuple[str, str], int] = {}
        self._tasks: SimpleQueue[Callable[[Store], None] | None] = SimpleQueue()
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

    def epochs(self, planned: Planned, history: Sequence[Epoch]) -> None:
        """Send the curves of a trial so far; epochs that were sent before may come again."""
        number = self._count(planned)
        self._tasks.put(partial(self._send, planned=planned, history=tuple(history), number=number))

    def finished(self, planned: Planned, record: Record) -> None:
        """Complete the runs of a trial."""
        self._count(planned)
        for subject in subjects(planned):
            self._tasks.put(partial(Store.finished, subject=subject, record=record))

    def failed(self, planned: Planned, reason: str) -> None:
        """End the runs of a trial as failed."""
        for subject in subjects(planned):
            self._tasks.put(partial(Store.failed, subject=subject, reason=reason))

    def table(
        self,
        experiment: Experiment,
        *,
        scale: str,
        output: Output,
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
        self._tasks.put(partial(Store.table, table=wanted))

    @property
    def alive(self) -> bool:
        """Say whether the thread still works."""
        return self._thread.is_alive()

    def close(self, *, timeout_s: float) -> None:
        """Send what waits and end; runs that did not finish become killed.

        Args:
            timeout_s: Seconds after which the rest is left to `harness sync`.
        """
        self._tasks.put(None)
        self._thread.join(timeout_s)
        if self.alive:
            left = self._tasks.qsize()
            self._say(
                f"MLflow at {redact(self._uri)} still had {left} updates to take after "
                f"{timeout_s:g} s; `harness sync` sends them"
            )

    def _count(self, planned: Planned) -> int:
        """Number the updates of a trial's curves; the newest one says all that earlier ones did."""
        place = (planned.table, planned.key)
        self._newest[place] = self._newest.get(place, 0) + 1
        return self._newest[place]

    def _send(
        self, store: Store, *, planned: Planned, history: Sequence[Epoch], number: int
    ) -> None:
        if self._newest[planned.table, planned.key] > number:
            return
        rows = [vars(epoch) for epoch in history]
        for subject in subjects(planned):
            store.epochs(subject=subject, history=rows)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._do(task)
        if self._store is not None:
            self._do(Store.leave)

    def _do(self, task: Callable[[Store], None]) -> None:
        if time.monotonic() < self._paused_until:
            return
        try:
            self._store = self._store or self._open()
            task(self._store)
        except troubles() as error:
            self._store = None
            self._paused_until = time.monotonic() + PAUSE_S
            self._say(
                f"{explain(self._uri, error)}; trials go on, `harness sync` sends what is missing"
            )

    def _say(self, sentence: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(sentence)


def check(uri: str, *, results: Path) -> None:
    """Open the store, for those who want no run without it.

    Raises:
        TrackingError: If it refuses or does not answer.
    """
    with explained(uri):
        Store(uri, results)
