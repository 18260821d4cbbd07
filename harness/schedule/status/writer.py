"""A thread that keeps the status file of a run up to date."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.schedule import status
from harness.schedule.attempt import TrialEvent
from harness.schedule.status import HEARTBEAT_S, Phase, Status, TrialStatus
from harness.schedule.stop import Stop
from harness.training.data_wait import waited_share

_TICK_S = 0.25
_WRITE_S = 1.0
_SHARE = 20  # of the time at most a twentieth goes into writing


class StatusWriter:
    """The status file of one run.

    Events only note changes; a thread writes them, and goes on writing while the driver waits.

    Args:
        results: Folder of the file.
        run: Name of the run.
        stop: Requests to this process.
    """

    def __init__(self, results: Path, run: str, stop: Stop) -> None:
        self._results = results
        self._run = run
        self._stop = stop
        self._trials: dict[str, TrialStatus] = {}
        self._phase: Phase = "starting"
        self._why = ""
        self._seconds_left: Callable[[], float | None] = lambda: None
        self._advise: Callable[[PlannedTrial, float], str] = lambda _planned, _share: ""
        self._start = time.monotonic()
        self._changes = 0
        self._written_changes = -1
        self._sequence = 0
        self._write_start = self._write_s = 0.0
        self._closed = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._write_often, name="status", daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, KeyboardInterrupt):
            is_interrupted = error is not None or (self._stop.is_requested and self._is_open)
            self._end("interrupted" if is_interrupted else "ended", "")
        else:
            self._end("broken", str(error) or type(error).__name__)
        self._thread.join()

    def expect(
        self,
        trials: Sequence[PlannedTrial],
        todo: Sequence[PlannedTrial],
        *,
        seconds_left: Callable[[], float | None],
        advise: Callable[[PlannedTrial, float], str] = lambda _planned, _share: "",
    ) -> None:
        """List the trials of the run.

        Args:
            trials: Every trial once.
            todo: Those of them that will run.
            seconds_left: Estimates the time that these take.
            advise: Says what helps a trial that waits this share of its time for data.
        """
        waiting = {trial.key for trial in todo}
        for trial in trials:
            self._trials[trial.key] = _initial_status(trial, is_waiting=trial.key in waiting)
        self._seconds_left, self._advise = seconds_left, advise
        self._set_phase("running")

    def on_event(self, event: TrialEvent) -> None:
        """Note the change that an event makes."""
        key = event.planned.key
        self._trials[key] = _next_status(event, self._trials[key], self._advise)
        self._changes += 1

    def on_passed_over(self, key: str, why: str) -> None:
        """Note that another driver has a trial."""
        self._trials[key] = replace(self._trials[key], why=why)
        self._changes += 1

    @property
    def _is_open(self) -> bool:
        """Return whether the run has not reached or finished some trial."""
        states = {trial.state for trial in self._trials.values()}
        return not states.isdisjoint(("waiting", "running")) or self._phase == "starting"

    def on_stop(self) -> str:
        """Note a request to stop, and return a phrase that says what the run waits for."""
        running = sum(trial.state == "running" for trial in self._trials.values())
        subject = "1 trial finishes its" if running == 1 else f"{running} trials finish their"
        why = f"{subject} epoch" if running else "no trial runs"
        self._set_phase("stopping", why)
        return why

    def on_exit(self) -> None:
        """Write the last status of a process that the watchdog ends."""
        self._end("interrupted", "left without tidying up")

    def _set_phase(self, phase: Phase, why: str = "") -> None:
        self._phase, self._why = phase, why
        self._changes += 1

    def _end(self, phase: Phase, why: str) -> None:
        """Write the last status, in which no trial runs; the thread writes no other after it."""
        self._closed.set()
        for key, trial in self._trials.items():
            if trial.state == "running":
                self._trials[key] = replace(trial, state="left", where="")
        self._set_phase(phase, why)
        self._write()

    def _write_often(self) -> None:
        while not self._closed.wait(_TICK_S):
            if self._is_due():
                self._write()

    def _is_due(self) -> bool:
        pause = time.monotonic() - self._write_start
        if pause < max(_WRITE_S, _SHARE * self._write_s):
            return False
        return self._changes != self._written_changes or pause > HEARTBEAT_S

    def _write(self) -> None:
        with self._writing:
            self._write_start, self._written_changes = time.monotonic(), self._changes
            self._sequence += 1
            body = self._status()
            with contextlib.suppress(OSError):  # a full disk is no reason to stop a run
                status.write(self._results, body)
            self._write_s = time.monotonic() - self._write_start

    def _status(self) -> Status:
        return Status(
            run=self._run,
            sequence=self._sequence,
            phase=self._phase,
            why=self._why,
            seconds=round(time.monotonic() - self._start, 1),
            seconds_left=self._seconds_left() if self._phase == "running" else None,
            at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            parts=tuple(self._trials.values()),
        )


def _initial_status(planned: PlannedTrial, *, is_waiting: bool) -> TrialStatus:
    """Return the status of a trial before the run; one with a usable record is done."""
    epochs, record = planned.trial.train.epochs, None if is_waiting else planned.record
    return TrialStatus(
        key=planned.key,
        name=f"{planned.table}/{planned.name}",
        state="recorded" if record else "waiting",
        epoch=epochs if record else 0,
        epochs=epochs,
        top1=record.metrics["top1"] if record else None,
        waited=_recorded_wait(record) if record else None,
    )


def _recorded_wait(record: Record) -> float | None:
    share = record.provenance.get("waited_share")
    return float(share) if share is not None else None


def _next_status(
    event: TrialEvent, trial: TrialStatus, advise: Callable[[PlannedTrial, float], str]
) -> TrialStatus:
    """Return the status of a trial after an event."""
    if event.record is not None:
        return replace(
            trial,
            state="recorded",
            epoch=trial.epochs,
            top1=event.record.metrics["top1"],
            waited=_recorded_wait(event.record),
            advice="",
            where="",
        )
    if event.failure is not None:
        return replace(trial, state="failed", why=event.failure, advice="", where="")
    waited = waited_share(event.history[-1:]) if event.history else None
    accuracies = [epoch.val_top1 for epoch in event.history if epoch.val_top1 is not None]
    return replace(
        trial,
        state="running",
        epoch=len(event.history),
        top1=accuracies[-1] if accuracies else None,
        waited=waited,
        advice=advise(event.planned, waited) if waited is not None else "",
        where=event.location,
    )
