"""Several mirrors as one, for a launch that writes to several places."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.experiment import Experiment
from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.tracking.mirror import Mirror
from harness.training.loop import Epoch


class Mirrors:
    """Mirrors that get the same updates; each has a process of its own, and delays no other.

    Args:
        addresses: Of the sinks.
        results: Folder that holds `records/`.
        warn: Takes one sentence; called from the threads.
        campaign: Name of this launch, for runs without a record.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        results: Path,
        warn: Callable[[str], None],
        campaign: str = "",
    ) -> None:
        self._mirrors = [
            Mirror(address, results=results, warn=warn, campaign=campaign) for address in addresses
        ]
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        for mirror in self._mirrors:
            self._opened.enter_context(mirror)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def log_epochs(self, planned: PlannedTrial, history: Sequence[Epoch]) -> None:
        """Send the curves of a trial so far."""
        for mirror in self._mirrors:
            mirror.log_epochs(planned, history)

    def finish_trial(self, planned: PlannedTrial, record: Record) -> None:
        """Complete the runs of a trial."""
        for mirror in self._mirrors:
            mirror.finish_trial(planned, record)

    def fail_trial(self, planned: PlannedTrial, reason: str) -> None:
        """End the runs of a trial as failed."""
        for mirror in self._mirrors:
            mirror.fail_trial(planned, reason)

    def log_table(self, experiment: Experiment, **content: Any) -> None:
        """Send a table, as `Mirror.log_table` takes it."""
        for mirror in self._mirrors:
            mirror.log_table(experiment, **content)
