"""A live mirror of records and curves in MLflow or another sink, written by a separate process.

Records are the truth: a store that is dead, slow or broken costs no training time and loses
nothing, because `harness.tracking.sync` sends everything again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from operator import methodcaller
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.experiment import Experiment
from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.report.output import TableOutput
from harness.tracking.errors import TrackingError, sync_command, title_of, translate_errors
from harness.tracking.runs import TableRun, trial_runs
from harness.tracking.sinks import open_sink
from harness.tracking.worker import StoreProcess, Task, open_store
from harness.training.loop import Epoch
from harness.utils.redaction import redact

PAUSE_S = 60.0
CLOSE_TIMEOUT_S = 60.0
ABORT_TIMEOUT_S = 5.0
REST_FACTOR = 20.0  # rest after sending curves, in multiples of the time that it took

Action = Callable[[], None]
TrialKey = tuple[str, str]  # table and key


class Mirror:
    """A thread that sends updates to the process that writes to a sink; no call waits for it.

    Only the newest pending curve of a trial is sent, and the thread rests after curves, so that
    they never take more than a twentieth of the time: a slow store gets fewer updates. The end of
    a trial is sent at once. After a failure the thread warns once, drops the updates of a minute,
    and tries again: a curve repeats its earlier epochs, and `sync` sends the rest.

    Args:
        uri: Address of the sink.
        results: Folder that holds `records/` and, by default, the store of MLflow.
        warn: Takes one sentence; called from the thread.
        campaign: Name of this launch, for runs without a record.

    Attributes:
        is_connected: Whether the store's last task succeeded.
    """

    def __init__(
        self, uri: str, *, results: Path, warn: Callable[[str], None], campaign: str = ""
    ) -> None:
        self._uri = uri
        self._sync_command = sync_command(uri, results)
        self._store = StoreProcess(uri, results, campaign)
        self._warn = warn
        self._has_warned = False
        self._paused_until = 0.0
        self._rest_until = 0.0
        self._is_closing = False
        self._actions: deque[Action] = deque()
        self._curves: dict[TrialKey, tuple[PlannedTrial, Sequence[Epoch]]] = {}
        self._pending = threading.Condition()  # guards actions, curves and the end
        self.is_connected = False
        self._thread = threading.Thread(target=self._run, name="mlflow mirror", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(timeout_s=CLOSE_TIMEOUT_S if error is None else ABORT_TIMEOUT_S)

    def log_epochs(self, planned: PlannedTrial, history: Sequence[Epoch]) -> None:
        """Send the curves of a trial so far; epochs that were sent before may come again."""
        with self._pending:
            self._curves[_trial_key(planned)] = planned, tuple(history)
            self._pending.notify()

    def finish_trial(self, planned: PlannedTrial, record: Record) -> None:
        """Complete the runs of a trial."""
        with self._pending:
            self._curves.pop(_trial_key(planned), None)  # the record holds the same epochs
        for trial_run in trial_runs(planned):
            self._submit(methodcaller("finish_trial", trial_run=trial_run, record=record))

    def fail_trial(self, planned: PlannedTrial, reason: str) -> None:
        """End the runs of a trial as failed."""
        self._enqueue(self._send_curves)
        for trial_run in trial_runs(planned):
            self._submit(methodcaller("fail_trial", trial_run=trial_run, reason=reason))

    def log_table(
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
            scale: Of the trials behind its numbers.
            output: Files, text and verdicts of the table.
            records: Of the trials that the table shows.
        """
        table_run = TableRun(
            name=experiment.name, scale=scale, output=output, records=tuple(records)
        )
        self._submit(methodcaller("log_table", table_run=table_run))

    @property
    def is_alive(self) -> bool:
        """Return whether the thread still runs."""
        return self._thread.is_alive()

    def close(self, *, timeout_s: float) -> None:
        """Send pending updates and end; runs that did not finish become killed.

        Args:
            timeout_s: Seconds after which the rest is left to `harness sync`.
        """
        with self._pending:
            self._is_closing = True
            self._pending.notify()
        self._thread.join(timeout_s)
        if self.is_alive:
            num_updates = len(self._actions) + len(self._curves)
            self._warn_once(
                f"{title_of(self._uri)} at {redact(self._uri)} still had {num_updates} updates "
                f"pending after {timeout_s:g} s; `{self._sync_command}` sends them"
            )
            self._store.kill()

    def _submit(self, task: Task) -> None:
        self._enqueue(partial(self._run_task, task))

    def _enqueue(self, action: Action) -> None:
        with self._pending:
            self._actions.append(action)
            self._pending.notify()

    def _run(self) -> None:
        self._run_task(open_store)
        while (action := self._next_action()) is not None:
            action()
        self._send_curves()
        if self.is_connected:
            self._run_task(methodcaller("kill_unfinished"))
        self._store.close()

    def _next_action(self) -> Action | None:
        """Wait for the next action; None at the end."""
        with self._pending:
            while not self._actions and not self._is_closing:
                rest_s = self._rest_until - time.monotonic() if self._curves else None
                if rest_s is not None and rest_s <= 0:
                    return self._send_curves
                self._pending.wait(rest_s)
            return self._actions.popleft() if self._actions else None

    def _send_curves(self) -> None:
        with self._pending:
            curves, self._curves = self._curves, {}
        start = time.monotonic()
        for planned, history in curves.values():
            rows = [vars(epoch) for epoch in history]
            for trial_run in trial_runs(planned):
                self._run_task(methodcaller("log_epochs", trial_run=trial_run, history=rows))
        end = time.monotonic()
        self._rest_until = end + REST_FACTOR * (end - start)

    def _run_task(self, task: Task) -> None:
        """Run a task in the store's process, unless updates are dropped after a failure."""
        if time.monotonic() < self._paused_until:
            return
        try:
            self._store.run_task(task)
        except TrackingError as error:
            self.is_connected = False
            self._paused_until = time.monotonic() + PAUSE_S
            command = self._sync_command
            self._warn_once(f"{error}; trials continue, and `{command}` sends the missing data")
        else:
            self.is_connected = True

    def _warn_once(self, sentence: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._warn(sentence)


def _trial_key(planned: PlannedTrial) -> TrialKey:
    return planned.table, planned.key


def check(uri: str, *, results: Path) -> None:
    """Open the store, for a launch that requires it.

    Raises:
        TrackingError: If the store refuses or does not respond.
    """
    with translate_errors(uri):
        open_sink(uri, results)
