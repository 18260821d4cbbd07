"""Progress of a check of videos: a bar on a terminal, a line now and then elsewhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from harness.data.prepare.video_facts import Facts

_LINE_EVERY_S = 10.0


class Progress:
    """Show how many videos are checked, how fast, and the time that is left.

    Args:
        console: Where to: a bar on a terminal, a line now and then elsewhere.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began = self.last_line = time.monotonic()
        self.known = 0
        self.bad = 0
        columns = (MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
        self.bar = Bar(*columns, TimeRemainingColumn(), console=console, transient=True)
        self.task = self.bar.add_task("videos", total=None)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self.bar.stop()

    def watch(self, done: int, total: int, facts: "Facts | None") -> None:
        """Take in one checked video, or how many are known from before."""
        from harness.data.prepare.video_facts import USABLE

        if facts is None:
            self.known = done
        else:
            self.bad += facts.verdict not in USABLE
        rate = (done - self.known) / max(time.monotonic() - self.began, 1e-9)
        text = f"{rate:.0f} videos/s, {self.bad} not good"
        self.bar.update(self.task, completed=done, total=total, description=text)
        due = time.monotonic() - self.last_line > _LINE_EVERY_S
        if not self.console.is_terminal and (due or facts is None or done == total):
            self.last_line = time.monotonic()
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            self.console.print(f"[{done}/{total}{left}]  {text}", markup=False, highlight=False)
