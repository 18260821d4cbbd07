"""The live view of a run: it moves before the first epoch, and its numbers are aligned."""

import io
import time

import pytest
from rich.console import Console

from harness.schedule.attempt import TrialEvent
from harness.schedule.progress import Progress
from tests.helpers.tracking_stores import epochs, planned_trial


def frame(progress: Progress) -> str:
    """Return the view as a terminal of 80 columns shows it now."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=80, color_system="truecolor")
    console.print(progress.live.get_renderable())
    return output.getvalue()


@pytest.mark.slow
def test_a_trial_moves_before_its_first_epoch_and_its_bar_stands_after_it() -> None:
    planned = planned_trial()
    progress = Progress([planned], Console(file=io.StringIO()))
    for count, moves in ((0, True), (1, False)):
        progress.on_event(TrialEvent(planned=planned, history=epochs(count)))
        before = frame(progress)
        time.sleep(0.2)
        assert (frame(progress) != before) is moves


def test_numbers_end_in_one_column() -> None:
    trials = [planned_trial(seed=seed) for seed in range(2)]
    progress = Progress(trials, Console(file=io.StringIO()))
    for planned, count in zip(trials, (9, 10), strict=True):
        progress.on_event(TrialEvent(planned=planned, history=epochs(count)))
    total = f"/{trials[0].trial.train.epochs}"
    ends = [line.index(total) for line in frame(progress).splitlines() if total in line]
    assert len(ends) == 2
    assert ends[0] == ends[1]
