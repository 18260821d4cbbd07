"""The way of an event: to the console, the status file, and MLflow."""

from collections.abc import Mapping, Sequence

from harness.plan.grid import PlannedTrial
from harness.schedule.attempt import TrialEvent
from harness.schedule.data_waits import DataWaits
from harness.schedule.progress import Progress
from harness.schedule.status.writer import StatusWriter
from harness.tracking.mirrors import Mirrors


class EventDispatcher:
    """Pass events on to progress, status and MLflow, which logs a trial in every table.

    Args:
        shared: For each key, its trial as planned in every table.
        status_writer: Writes the status file.
        mirror: Writes to MLflow.
        progress: Writes to the console.
        waits: Warns of trials that wait for data.

    Attributes:
        failed: Last events of the trials that failed.
        ended: Keys of the trials with a record or a failure.
    """

    def __init__(
        self,
        shared: Mapping[str, Sequence[PlannedTrial]],
        status_writer: StatusWriter,
        mirror: Mirrors,
        progress: Progress,
        waits: DataWaits,
    ) -> None:
        self.shared = shared
        self.status_writer = status_writer
        self.mirror = mirror
        self.progress = progress
        self.waits = waits
        self.failed: list[TrialEvent] = []
        self.ended: set[str] = set()

    def __call__(self, event: TrialEvent) -> None:
        """Pass on an event."""
        self.progress.on_event(event)
        self.status_writer.on_event(event)
        self.waits.on_event(event)
        if event.failure is not None:
            self.failed.append(event)
        if event.failure is not None or event.record is not None:
            self.ended.add(event.planned.key)
        for trial in self.shared[event.planned.key]:
            if event.record is not None:
                self.mirror.finish_trial(trial, event.record)
            elif event.failure is not None:
                self.mirror.fail_trial(trial, event.failure)
            else:
                self.mirror.log_epochs(trial, list(event.history))

    def pass_over(self, planned: PlannedTrial, why: str) -> None:
        """Say that another driver has a trial, which goes on there."""
        self.progress.on_passed_over(planned, why)
        self.status_writer.on_passed_over(planned.key, why)
