"""The time that the trials of a run wait for data: a share, a remedy, and one warning."""

import os
from collections.abc import Callable

from harness.data import GENERATED
from harness.plan.grid import PlannedTrial
from harness.runtime import Runtime
from harness.schedule.attempt import TrialEvent
from harness.training.data_wait import advise, waited_share

_COPIES = "copies.json"  # in a folder of training copies
_FIRST = 2  # epochs after which a wait is told: the first one holds the start of everything


class DataWaits:
    """Advice on trials that wait for data.

    Args:
        runtime: Of all trials.
        log: Called with a warning, once for each data set.
        cores: CPUs that the ranks of a trial share; None for those of this machine.
    """

    def __init__(
        self, runtime: Runtime, log: Callable[[str], None], *, cores: int | None = None
    ) -> None:
        self._runtime = runtime
        self._log = log
        self._cores = max((cores or os.cpu_count() or 1) // runtime.ranks, 1)
        self._warned: set[str] = set()

    def advise(self, planned: PlannedTrial, share: float) -> str:
        """Return what helps a trial that waits so much of its time; empty for little."""
        name = planned.trial.data.name
        is_copy = (self._runtime.data / name / _COPIES).is_file()
        return advise(
            share,
            workers=self._runtime.workers,
            cores=self._cores,
            can_copy=not is_copy and name not in GENERATED,
        )

    def on_event(self, event: TrialEvent) -> None:
        """Warn of a trial that waits much, once for each data set."""
        name = event.planned.trial.data.name
        if len(event.history) < _FIRST or name in self._warned:
            return
        share = waited_share(event.history[-1:])
        remedy = self.advise(event.planned, share)
        if remedy:
            self._warned.add(name)
            wait = f"waits {100 * share:.0f} % of its time for data"
            self._log(f"warning: {event.planned.table}/{event.planned.name} {wait}: {remedy}")
