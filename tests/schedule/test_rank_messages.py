"""What ranks tell, and what the one who waits for them passes on."""

import errno
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from harness import trial
from harness.data.workers import StallError
from harness.schedule import rank_messages
from harness.schedule.rank_messages import RankError
from harness.utils.transient import TransientError


@pytest.fixture
def two(runtime):
    return replace(runtime, ranks=2)


@pytest.mark.slow
def test_epochs_that_nobody_saw_are_passed_on_from_the_record(tiny_trial, two):
    heard = []
    found = rank_messages.wait_for_ranks(
        rank_messages.make_folder(tiny_trial, two),
        two.results,
        lambda history, _: heard.append(len(history)),
        # It leaves no history, and clears its folder, as rank 0 does at its end.
        start=lambda: trial.run(tiny_trial, two, lambda _: None),
        end=lambda: None,
    )
    assert heard == [2]
    assert len(found.history) == 2


def end(two, trial_of_two, *, settle_s=0.0, say=lambda folder: None):
    """Let ranks end by the death of one of them, after they have said something."""
    folder = rank_messages.make_folder(trial_of_two, two)

    def start():
        say(folder)
        raise RankError("rank 1 was killed by SIGKILL")

    rank_messages.wait_for_ranks(
        folder,
        two.results,
        lambda *_: None,
        start=start,
        end=lambda: None,
        settle_s=settle_s,
    )


def fail(two, folder, errors):
    """Let each rank fail with an error, or say nothing."""
    for rank, error in enumerate(errors):
        if error is not None:
            with (
                pytest.raises(type(error)),
                rank_messages.failures_reported(folder, two.results, rank=rank),
            ):
                raise error


LOST = RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]")
SHAPE = RuntimeError("mat1 and mat2 shapes cannot be multiplied\nat some place")
WITH_TRACE = r"shapes cannot be multiplied \(traceback in .*logs/\w+-rank1\.txt\)$"


@pytest.mark.parametrize(
    ("errors", "kind", "message"),
    [
        ([None, None], RankError, "rank 1 was killed by SIGKILL"),
        ([LOST, None], RankError, "rank 1 was killed by SIGKILL"),
        ([None, ValueError("no such video")], ValueError, "^no such video$"),
        ([LOST, SHAPE], ValueError, f"^RuntimeError: mat1 and mat2 {WITH_TRACE}"),
        ([SHAPE, LOST], ValueError, "^RuntimeError: mat1 and mat2"),
        ([LOST, TypeError("no rule")], ValueError, "^TypeError: no rule"),
        ([LOST, OSError(errno.ESTALE, "Stale file handle")], TransientError, "Stale file handle"),
        ([LOST, StallError("no video came within 6 s")], TransientError, "no video came"),
        ([LOST, torch.AcceleratorError("CUDA error")], RankError, "^AcceleratorError: CUDA error"),
        ([dist.DistBackendError("NCCL"), KeyError("x")], ValueError, "^KeyError"),
    ],
)
def test_the_reason_of_a_rank_comes_before_how_it_ended(tiny_trial, two, errors, kind, message):
    folder = rank_messages.make_folder(tiny_trial, two)
    fail(two, folder, [SHAPE])  # of an attempt before
    with pytest.raises(kind, match=message) as caught:
        end(two, tiny_trial, say=lambda folder: fail(two, folder, errors))
    assert isinstance(caught.value, TransientError) == (kind is TransientError)


def test_the_trace_of_a_rank_names_the_line_that_failed(tiny_trial, two):
    folder = rank_messages.make_folder(tiny_trial, two)
    fail(two, folder, [None, SHAPE])
    (log,) = (two.results / "logs").glob("*-rank1.txt")
    assert "in fail" in log.read_text()


def test_a_reason_that_another_node_wrote_is_waited_for(tiny_trial, two, monkeypatch):
    """A network file system shows a file late, unless this node changes its folder."""
    monkeypatch.setattr(rank_messages, "_POLL_S", 0.01)
    glob, touch, shown = Path.glob, Path.touch, []
    monkeypatch.setattr(Path, "glob", lambda self, *args: glob(self, *args) if shown else [])
    monkeypatch.setattr(Path, "touch", lambda self: (shown.append(self), touch(self)))
    with pytest.raises(ValueError, match=r"^no such video$"):
        end(
            two,
            tiny_trial,
            settle_s=60,
            say=lambda folder: fail(two, folder, [ValueError("no such video")]),
        )
    assert shown


@pytest.mark.slow
def test_a_stale_handle_of_a_history_is_no_failure(tiny_trial, two, monkeypatch):
    read = Path.read_text

    def stale(path, **named):
        if path.name == "history.json":
            raise OSError(errno.ESTALE, "Stale file handle")
        return read(path, **named)

    monkeypatch.setattr(Path, "read_text", stale)
    with pytest.raises(RankError, match="rank 1 was killed"):
        end(two, tiny_trial, say=lambda folder: time.sleep(0.6))


@pytest.mark.slow
def test_a_stop_ends_the_ranks_and_waits_for_them(tiny_trial, two):
    folder, ended = rank_messages.make_folder(tiny_trial, two), []
    body = {"history": [], "where": "here"}

    def start():
        (folder / "history.json").write_text(json.dumps(body))
        while not ended:
            time.sleep(0.05)

    def stop(history, where):
        assert (history, where) == ([], "here")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rank_messages.wait_for_ranks(
            folder, two.results, stop, start=start, end=partial(ended.append, True)
        )
    assert ended == [True]


def test_a_batch_that_ranks_cannot_share_is_refused(tiny_trial, runtime):
    with pytest.raises(ValueError, match="is not a multiple of the 3 ranks"):
        rank_messages.make_folder(tiny_trial, replace(runtime, ranks=3))
