"""Trials one after the other, in this process."""

import contextlib
import platform
from collections.abc import Sequence

from harness.plan.grid import PlannedTrial
from harness.runtime import Runtime
from harness.schedule import local_ranks
from harness.schedule.attempt import Event, StoppedError, Watch, Work, attempt, ended
from harness.schedule.rank_messages import RankError
from harness.schedule.stop import Stop
from harness.training.loop import Epoch


def in_process(
    planned: Sequence[PlannedTrial],
    runtime: Runtime,
    watch: Watch,
    stop: Stop | None = None,
    *,
    work: Work = local_ranks.run,
) -> None:
    """Run trials one after the other, here, until all have ended or `stop` was asked."""
    stop = stop or Stop()
    for each in planned:

        def report(history: list[Epoch], _: str = "", each: PlannedTrial = each) -> None:
            watch(Event(planned=each, history=history, where=platform.node()))
            if stop.asked:
                raise StoppedError

        if stop.asked:
            return
        with contextlib.suppress(StoppedError):
            try:
                failure = attempt(work, each, runtime, report)
            except RankError as error:  # on Ray it starts again, here nothing does
                failure = str(error)
            watch(ended(each, runtime, failure))
