"""Tries of a trial: what may pass is waited for, and nothing else."""

import errno
from dataclasses import replace

import pytest
import torch

from harness.data.workers import LoadingError, StallError
from harness.schedule import attempt
from harness.schedule.attempt import StoppedError, run_attempt
from harness.schedule.rank_messages import RankError
from tests.helpers import kill_points

STALE = OSError(errno.ESTALE, "Stale file handle")


@pytest.fixture
def waits(monkeypatch):
    """List the seconds that an attempt waits."""
    seconds = []
    monkeypatch.setattr(attempt.time, "sleep", seconds.append)
    return seconds


def tried(runtime, *outcomes):
    """Attempt a trial with these outcomes: an error, or how many epochs pass before one."""
    left = list(outcomes)

    def run_trial(_spec, _runtime, report):
        error, epochs = left.pop(0)
        report([None] * epochs, "node 1")
        if error is not None:
            raise error

    failure = run_attempt(run_trial, kill_points.one(runtime), runtime, lambda *_: None)
    return failure, len(outcomes) - len(left)


@pytest.mark.parametrize(
    "error",
    [
        STALE,
        OSError(errno.EIO, "Input/output error"),
        TimeoutError(errno.ETIMEDOUT, "Connection timed out"),
        StallError("no video came within 300 s; videos being read: a"),
    ],
)
def test_what_may_pass_is_tried_again_after_a_wait(runtime, waits, error):
    patient = replace(runtime, io_retries=2, io_wait_s=7)
    assert tried(patient, (error, 0), (error, 0), (None, 2)) == (None, 3)
    assert waits == [7, 7]


def test_the_last_failure_says_how_often_it_was_tried(runtime, waits):
    patient = replace(runtime, io_retries=2, io_wait_s=7)
    failure, tries = tried(patient, *[(STALE, 0)] * 5)
    assert tries == 3
    assert failure.startswith("OSError: [Errno 116] Stale file handle (traceback in ")
    assert failure.endswith("(tried 3 times, 7 s apart)")


def test_an_epoch_in_between_is_progress(runtime, waits):
    patient = replace(runtime, io_retries=1)
    failing = [(STALE, epochs) for epochs in (0, 1, 2, 3, 3, 3)]
    failure, tries = tried(patient, *failing)
    assert tries == 5
    assert "tried 2 times" in failure


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no such video"), "no such video"),
        (ZeroDivisionError("none"), "none"),
        (LoadingError("loader process 7 was killed by SIGKILL"), "loader process 7 was killed"),
        (TypeError("no rule"), "TypeError: no rule (traceback in "),
        (AssertionError(), "AssertionError: no reason given (traceback in "),
        (OSError(errno.ENOSPC, "No space left on device"), "OSError: [Errno 28] No space"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "FileNotFoundError: [Errno 2]"),
        (RuntimeError("shapes\nat length"), "RuntimeError: shapes (traceback in "),
    ],
)
def test_what_would_fail_again_is_not_tried_again(runtime, waits, error, message):
    failure, tries = tried(runtime, (error, 0), (None, 0))
    assert tries == 1
    assert failure.startswith(message)
    assert waits == []


def test_a_gpu_that_fails_needs_another_process(runtime, waits):
    with pytest.raises(RankError, match=r"^AcceleratorError: CUDA error: .*traceback in"):
        tried(runtime, (torch.AcceleratorError("CUDA error: unspecified launch failure"), 0))


@pytest.mark.parametrize("end", [StoppedError, RankError, KeyboardInterrupt])
def test_a_stop_and_a_death_are_passed_on(runtime, waits, end):
    with pytest.raises(end):
        tried(runtime, (end(), 1))
