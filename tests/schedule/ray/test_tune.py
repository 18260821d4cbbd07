"""Real Ray on this machine; every trial is tiny."""

import contextlib
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.table_b import EXPERIMENT
from harness import data, record, trial
from harness.plan import grid
from harness.provenance import code
from harness.schedule import serial
from harness.schedule.ray import tune
from harness.schedule.ray.tune import Resources
from harness.schedule.stop import Interrupted, Stop
from tests.helpers.tiny_trials import shrunk

pytestmark = pytest.mark.slow


def passport_of(each, runtime):
    return data.load_passport(each.data, runtime.data).digest


def planned(runtime, rows=(1, 3)):
    experiment = replace(EXPERIMENT, rows=tuple(EXPERIMENT.rows[i] for i in rows), claims=())
    return grid.trials(
        experiment,
        rescale=shrunk,
        seeds=1,
        passport=lambda each: passport_of(each, runtime),
        code=code.hashes,
        results=runtime.results,
    )


class Events(list):
    """The events of a run, and its ends by row."""

    def ends(self):
        return {e.planned.rows[0]: e for e in self if e.record or e.failure}


def test_in_process_runs_every_trial_and_reports_every_epoch(runtime):
    events = Events()
    serial.run_serially(planned(runtime), runtime, events.append)
    assert [len(e.history) for e in events] == [0, 1, 2, 0, 0, 1, 2, 0]
    assert all(event.record for event in events.ends().values())


def test_a_failed_trial_does_not_stop_the_others(runtime):
    events, listed = Events(), planned(runtime)
    greedy = replace(listed[0].trial, train=replace(listed[0].trial.train, batch_videos=99))
    serial.run_serially([replace(listed[0], trial=greedy), listed[1]], runtime, events.append)
    ends = events.ends()
    assert "are fewer than one batch of 99" in ends["TSN+I3D R50"].failure
    assert ends["DSA at II"].record


def test_ray_and_this_process_end_with_the_same_numbers(runtime, tmp_path):
    """Also: a failing trial is alone, a dead process is started again, no file of Ray is left."""
    events, listed = Events(), planned(runtime, rows=(1, 3, 4))
    greedy = replace(listed[2].trial, train=replace(listed[2].trial.train, batch_videos=99))
    tune.run_on_ray(
        [*listed[:2], replace(listed[2], trial=greedy)], runtime, events.append, Resources()
    )
    ends = events.ends()
    assert "are fewer than one batch of 99" in ends["DSA at III"].failure
    here = replace(runtime, results=tmp_path / "here")
    for each in listed[:2]:
        alone = trial.run(each.trial, here, lambda _: None)
        assert ends[each.rows[0]].record.scores_sha256 == alone.scores_sha256
    assert not (runtime.results / "work" / "tune").exists()
    assert "usage statistics" not in (runtime.results / "logs" / "ray.log").read_text()


def test_a_request_that_no_node_can_meet_is_refused(runtime):
    with pytest.raises(ValueError, match="needs 1 CPUs and 64 GPUs on one node; the largest"):
        tune.run_on_ray(planned(runtime), runtime, lambda _: None, Resources(gpus=64))


@pytest.fixture
def stop():
    """A request to stop, and the handlers as they were after it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Stop()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_one_runs_at_a_time_and_none_starts_after_a_stop(runtime, stop):
    events, listed = Events(), planned(runtime, rows=(1, 3, 4))

    def watch(event):
        events.append(event)
        if not event.history:  # Tune has told this trial to go on before it tells of it
            signal.raise_signal(signal.SIGTERM)

    with stop.graceful():
        tune.run_on_ray(listed, runtime, watch, Resources(max_concurrent=1), stop)
    assert [(e.planned.key, len(e.history)) for e in events] == [
        (listed[0].key, 0),
        (listed[0].key, 1),
    ]
    assert events[0].location


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def worker():
    """Return the process in which Ray runs a trial of this test, a grandchild of this process."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            pid = int(path.parent.name)
            trains = path.read_bytes().startswith(b"ray::ImplicitFunc")
            if trains and parent(parent(pid)) == os.getpid():
                return pid
    return None


def test_a_killed_process_is_started_again_and_ends_with_the_same_numbers(runtime, tmp_path):
    events, listed, killed = Events(), planned(runtime, rows=(3,)), []
    long = replace(listed[0].trial, train=replace(listed[0].trial.train, epochs=8))
    listed[0] = replace(
        listed[0], trial=long, key=record.trial_key(long, passport_of(long, runtime))
    )

    def watch(event):
        events.append(event)
        if len(event.history) == 3 and not killed and (pid := worker()):
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    tune.run_on_ray(listed, runtime, watch, Resources())
    done = events.ends()["DSA at II"].record
    assert killed
    assert done.resumed_epochs[0] >= 3
    alone = trial.run(long, replace(runtime, results=tmp_path / "here"), lambda _: None)
    assert done.scores_sha256 == alone.scores_sha256


@pytest.mark.parametrize(
    ("met", "asked", "code"),
    [
        (KeyboardInterrupt, signal.SIGTERM, 128 + signal.SIGTERM),
        (KeyboardInterrupt, signal.SIGINT, 128 + signal.SIGINT),
        (KeyboardInterrupt, None, 128 + signal.SIGINT),
        (SystemExit, signal.SIGTERM, 128 + signal.SIGTERM),
    ],
)
def test_the_code_of_an_interrupted_run_is_that_of_its_first_signal(
    met, asked, code, runtime, monkeypatch
):
    """A wait of Ray replaces whatever a handler raises by a bare `KeyboardInterrupt`."""
    stop = Stop()
    stop.code = 128 + asked if asked else 0

    @contextlib.contextmanager
    def interrupted(_):
        raise met
        yield

    monkeypatch.setattr(tune.session, "connect", interrupted)
    with pytest.raises(Interrupted) as error:
        tune.run_on_ray([], runtime, lambda _: None, Resources(), stop)
    assert error.value.code == code
