"""The result of a launch: tables, and what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.output import TableOutput
from harness.schedule.attempt import TrialEvent


@dataclass(frozen=True, kw_only=True)
class LaunchResult:
    """The outcome of a launch.

    Attributes:
        outputs: The tables; none if another driver is to write them.
        failed: Last events of the trials that failed.
        left_out: A sentence on each table that is broken.
        code: Exit code after a request to stop that left trials to run; 0 otherwise.
    """

    outputs: Sequence[TableOutput]
    failed: Sequence[TrialEvent] = ()
    left_out: Sequence[str] = ()
    code: int = 0
