"""Progress on the console: a live table on a terminal, occasional lines elsewhere."""

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.plan.grid import PlannedTrial
from harness.schedule.attempt import TrialEvent
from harness.schedule.status.text import format_duration
from harness.utils import escape

_LINE_EVERY_S = 10.0
_MAX_REASON = 2_000  # characters of a failure that are shown


class Progress:
    """The running trials, their epochs, their accuracies so far, and the time left.

    Args:
        trials: The trials that will run.
        console: The output.
    """

    def __init__(self, trials: Sequence[PlannedTrial], console: Console) -> None:
        self.console = console
        self.total = {planned.key: planned.trial.train.epochs for planned in trials}
        self.done = dict.fromkeys(self.total, 0)
        self.ended_keys: set[str] = set()
        self.running: dict[str, TrialEvent] = {}
        self.num_epochs = 0
        self.epochs_seconds = 0.0
        self.last_line = 0.0
        self.live = Live(console=self.console, get_renderable=self._table, refresh_per_second=4)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def on_event(self, event: TrialEvent) -> None:
        """Update the display with an event."""
        key = event.planned.key
        if event.record is not None or event.failure is not None:
            self.running.pop(key, None)
            self.done[key] = self.total[key]
            self.ended_keys.add(key)
            self._print(_end_line(event))
            return
        resumed = key not in self.running and len(event.history) > 0
        new = event.history[len(event.history) if resumed else self.done[key] :]
        self.num_epochs += len(new)
        self.epochs_seconds += sum(epoch.seconds for epoch in new)
        self.done[key] = len(event.history)
        self.running[key] = event
        if resumed:
            self._print(f"{_name(event)}: resumes after epoch {len(event.history)}")
        elif not self.console.is_terminal and time.monotonic() - self.last_line > _LINE_EVERY_S:
            self._print("; ".join(_running_line(other) for other in self.running.values()))

    def on_passed_over(self, planned: PlannedTrial, why: str) -> None:
        """Show that another driver has a trial."""
        self.done[planned.key] = self.total[planned.key]
        self.ended_keys.add(planned.key)
        shown = escape.name(why, longest=_MAX_REASON)
        self._print(f"{escape.name(planned.name)}: passed over: {shown}")

    def seconds_left(self) -> float | None:
        """Estimate the time left from the epochs of this run; None before the first of them."""
        if not self.num_epochs:
            return None
        open_epochs = sum(self.total.values()) - sum(self.done.values())
        epoch_seconds = self.epochs_seconds / self.num_epochs
        return epoch_seconds * open_epochs / max(len(self.running), 1)

    def _print(self, text: str) -> None:
        self.last_line = time.monotonic()
        line = f"{self._head()}  {escape.terminal(text)}"
        self.console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _head(self) -> str:
        left = self.seconds_left()
        rest = "" if left is None else f", {format_duration(left)} left"
        return f"[{len(self.ended_keys)}/{len(self.total)}{rest}]"

    def _table(self) -> Group:
        grid = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("trial", "epoch", "", "loss", "train top-1", "test top-1"):
            grid.add_column(column, justify="left" if column in ("trial", "") else "right")
        for event in self.running.values():
            grid.add_row(*_cells(event))
        return Group(grid, Text(self._head(), style="bold"))


def _cells(event: TrialEvent) -> Iterable[str | ProgressBar]:
    total, done = event.planned.trial.train.epochs, len(event.history)
    bar = ProgressBar(total=total, completed=done, width=20, pulse=not done)
    if not event.history:
        return (_name(event), f"0/{total}", bar, "", "", "")
    last = event.history[-1]
    accuracies = [epoch.val_top1 for epoch in event.history if epoch.val_top1 is not None]
    test = f"{accuracies[-1]:.1f}" if accuracies else ""
    return (
        _name(event),
        f"{done}/{total}",
        bar,
        f"{last.loss:.3f}",
        f"{last.train_top1:.1f}",
        test,
    )


def _running_line(event: TrialEvent) -> str:
    total = event.planned.trial.train.epochs
    if not event.history:
        return f"{_name(event)}: starting"
    last = event.history[-1]
    return f"{_name(event)}: epoch {last.epoch}/{total}, train top-1 {last.train_top1:.1f}"


def _end_line(event: TrialEvent) -> str:
    if event.record is not None:
        duration = format_duration(event.record.seconds)
        return f"{_name(event)}: top-1 {event.record.metrics['top1']:.1f} % in {duration}"
    return f"{_name(event)}: failed: {escape.name(event.failure or '', longest=_MAX_REASON)}"


def _name(event: TrialEvent) -> str:
    return escape.name(event.planned.name)
