"""Waits for data in status and warnings."""

from dataclasses import replace

import pytest

from experiments.table_b import EXPERIMENT
from harness.plan.grid import PlannedTrial
from harness.schedule import status
from harness.schedule.attempt import TrialEvent
from harness.schedule.data_waits import DataWaits
from harness.schedule.status import TrialStatus, text
from harness.schedule.status.writer import _next_status
from tests.schedule.test_status import epoch
from tests.test_record import made


def planned(name="kinetics400"):
    whole = EXPERIMENT.rows[3].trial
    trial = replace(whole, data=replace(whole.data, name=name))
    return PlannedTrial(
        table="t", rows=("row",), trial=trial, key="k", state="missing", record=None
    )


def event(share, *, epochs=2, trial=None):
    history = [replace(epoch(n + 1), seconds=10.0, waited_s=10 * share) for n in range(epochs)]
    return TrialEvent(planned=trial or planned(), history=history, location="here")


@pytest.fixture
def warned(runtime):
    said = []
    return said, DataWaits(replace(runtime, workers=4), said.append, cores=16)


def test_a_trial_that_waits_is_told_once_with_the_remedy(warned):
    said, waits = warned
    for found in (event(0.61, epochs=1), event(0.1), event(0.61), event(0.7, epochs=3)):
        waits.on_event(found)
    assert said == [
        "warning: t/row, seed 0 waits 61 % of its time for data: make a training copy "
        "(harness data copy), or --workers 11"
    ]


def test_the_cores_are_shared_by_the_ranks_of_a_trial(runtime):
    waits = DataWaits(replace(runtime, workers=4, ranks=2), print, cores=16)
    assert waits.advise(planned("desk"), 0.61) == ""
    assert waits.advise(planned("desk"), 0.5) == "--workers 8"


def test_a_copy_or_made_videos_need_no_copy(warned, runtime, tmp_path):
    _, waits = warned
    assert waits.advise(planned("desk"), 0.61) == "--workers 11"
    folder = tmp_path / "data" / "kinetics400"
    folder.mkdir(parents=True)
    (folder / "copies.json").write_text("{}")
    waits = DataWaits(replace(runtime, data=tmp_path / "data", workers=4), print, cores=16)
    assert waits.advise(planned(), 0.61) == "--workers 11"


def test_the_status_of_a_trial_holds_its_wait_and_the_remedy(warned, tmp_path):
    _, waits = warned
    start = TrialStatus(key="k", name="t/row", state="waiting", epoch=0, epochs=9)
    running = _next_status(event(0.61), start, waits.advise)
    assert (running.waited, running.advice[:22]) == (0.61, "make a training copy (")
    line = text._trial_line(running)
    assert ", waits 61 % of its time for data: make a training copy (harness data copy), or" in line
    assert line.endswith("--workers 11, on here")
    low = _next_status(event(0.1), running, waits.advise)
    assert ", waits 10 % of its time for data, on here" in text._trial_line(low)
    status.write(tmp_path, status.Status(run="r", sequence=1, phase="running", parts=(running,)))
    assert status.read(tmp_path).parts == (running,)


def test_the_status_of_a_recorded_trial_holds_the_share_of_its_record(warned):
    _, waits = warned
    done = made()
    done = replace(done, provenance={**done.provenance, "waited_share": 0.25})
    start = TrialStatus(key="k", name="t/row", state="running", epoch=1, epochs=9, advice="do")
    found = _next_status(TrialEvent(planned=planned(), record=done), start, waits.advise)
    assert (found.waited, found.state) == (0.25, "recorded")
    old = _next_status(TrialEvent(planned=planned(), record=made()), start, waits.advise)
    assert old.waited is None
