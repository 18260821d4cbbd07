"""Keep the status file of a run up to date, and look whether somebody asks it to stop.

Both in a thread of its own: events only note what is new, and a driver that waits is heard of too.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.plan.grid import PlannedTrial
from harness.schedule import status
from harness.schedule.attempt import Event
from harness.schedule.status import BEAT_S, Part, Phase, Status
from harness.schedule.stop import Stop

_TICK_S = 0.25
_WRITE_S = 1.0
_SHARE = 20  # of the time at most a twentieth goes into writing


class Board:
    """The status file of one run.

    Args:
        results: Folder that holds it.
        run: Name of the run.
        stop: What was asked of this process.
        say: Takes one sentence; called from the thread.
    """

    def __init__(self, results: Path, run: str, stop: Stop, say: Callable[[str], None]) -> None:
        self._results = results
        self._run = run
        self._stop = stop
        self._say = say
        self._parts: dict[str, Part] = {}
        self._phase: Phase = "starting"
        self._why = ""
        self._left_s: Callable[[], float | None] = lambda: None
        self._start = time.monotonic()
        self._changes = 0
        self._written = -1
        self._sequence = 0
        self._wrote_at = self._took = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="status", daemon=True)

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
        self._closed.set()
        self._thread.join()
        if error is None or isinstance(error, KeyboardInterrupt):
            self._end("interrupted" if error or self._stop.asked else "ended", "")
        else:
            self._end("broken", str(error) or type(error).__name__)

    def expect(
        self,
        listed: Sequence[PlannedTrial],
        todo: Sequence[PlannedTrial],
        *,
        left_s: Callable[[], float | None],
    ) -> None:
        """Take in what the run consists of.

        Args:
            listed: Every trial once.
            todo: Those of them that will run.
            left_s: Estimates how many seconds these take.
        """
        waiting = {each.key for each in todo}
        for each in listed:
            self._parts[each.key] = _part(each, waits=each.key in waiting)
        self._left_s = left_s
        self._turn("running")

    def watch(self, event: Event) -> None:
        """Take in one event."""
        key = event.planned.key
        self._parts[key] = _after(event, self._parts[key])
        self._changes += 1

    def _turn(self, phase: Phase, why: str = "") -> None:
        self._phase, self._why = phase, why
        self._changes += 1

    def _end(self, phase: Phase, why: str) -> None:
        """Write the last word; what was begun is left."""
        for key, part in self._parts.items():
            if part.state == "running":
                self._parts[key] = replace(part, state="left", where="")
        self._turn(phase, why)
        self._write()

    def _work(self) -> None:
        while not self._closed.wait(_TICK_S):
            self._stop.heed()
            if self._stop.hangs:
                self._leave()
            if self._stop.asked and self._phase != "stopping":
                self._tell()
            if self._is_due():
                self._write()

    def _tell(self) -> None:
        running = sum(part.state == "running" for part in self._parts.values())
        what = "1 trial finishes its" if running == 1 else f"{running} trials finish their"
        why = f"{what} epoch" if running else "no trial runs"
        self._turn("stopping", why)
        self._say(f"stopping: {why}; again to leave at once")

    def _leave(self) -> None:
        """End this process without any tidying up: the locks go, and Ray ends by itself."""
        self._end("interrupted", "left without tidying up")
        os._exit(self._stop.code)

    def _is_due(self) -> bool:
        pause = time.monotonic() - self._wrote_at
        if pause < max(_WRITE_S, _SHARE * self._took):
            return False
        return self._changes != self._written or pause > BEAT_S

    def _write(self) -> None:
        self._wrote_at, self._written = time.monotonic(), self._changes
        self._sequence += 1
        said = Status(
            run=self._run,
            sequence=self._sequence,
            phase=self._phase,
            why=self._why,
            seconds=round(time.monotonic() - self._start, 1),
            seconds_left=self._left_s() if self._phase == "running" else None,
            at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            parts=tuple(self._parts.values()),
        )
        with contextlib.suppress(OSError):  # a full disk is no reason to stop a run
            status.write(self._results, said)
        self._took = time.monotonic() - self._wrote_at


def _part(each: PlannedTrial, *, waits: bool) -> Part:
    """Describe a trial before the run; what is recorded and will not run is done."""
    epochs, done = each.trial.train.epochs, not waits and each.record is not None
    return Part(
        key=each.key,
        name=f"{each.table}/{each.name}",
        state="recorded" if done else "waiting",
        epoch=epochs if done else 0,
        epochs=epochs,
        top1=each.record.metrics["top1"] if done and each.record else None,
    )


def _after(event: Event, part: Part) -> Part:
    """Return what is known of a trial after an event."""
    if event.record is not None:
        top1 = event.record.metrics["top1"]
        return replace(part, state="recorded", epoch=part.epochs, top1=top1, where="")
    if event.failure is not None:
        return replace(part, state="failed", why=event.failure, where="")
    tested = [epoch.val_top1 for epoch in event.history if epoch.val_top1 is not None]
    return replace(
        part,
        state="running",
        epoch=len(event.history),
        top1=tested[-1] if tested else None,
        where=event.where,
    )
