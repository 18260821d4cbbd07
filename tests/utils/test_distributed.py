"""A trial in several processes is the trial in one."""

import multiprocessing
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness import record, trial
from harness.runtime import Runtime
from harness.schedule import local_ranks
from harness.utils import distributed
from tests.helpers import gpu_ranks, rank_processes
from tests.helpers.sockets import listening_sockets
from tests.test_command import harness

NORMS = {"all of two": (2, None), "two chunks each": (2, 2), "pairs of four": (4, 4)}
VIDEOS = 7


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Return what two ranks and what four return: losses and state by `norm_videos`, scores."""
    results = {}
    for count in (2, 4):
        norms = [norm for ranks, norm in NORMS.values() if ranks == count]
        calls = [(rank_processes.fitted, norm) for norm in norms]
        calls.append((rank_processes.scored, VIDEOS))
        *fitted, scored = rank_processes.together(count, calls, tmp_path_factory.mktemp("ranks"))
        results |= {(count, norm): each for norm, each in zip(norms, fitted, strict=True)}
        results[count, "scores"] = scored
    return results


@pytest.mark.slow
@pytest.mark.parametrize(("count", "norm_videos"), NORMS.values(), ids=NORMS)
def test_ranks_give_the_loss_curve_of_one_process(ranks, count, norm_videos):
    losses, state = rank_processes.fitted(norm_videos)
    assert len(ranks[count, norm_videos]) == count
    for each, other in ranks[count, norm_videos]:
        assert each == pytest.approx(losses, rel=1e-7)
        for name, value in state.items():
            if norm_videos is None or not name.endswith(("running_mean", "running_var", "tracked")):
                torch.testing.assert_close(other[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_seven_videos_are_scored_once_each(ranks, count):
    assert len(ranks[count, "scores"]) == count
    for found in ranks[count, "scores"]:
        np.testing.assert_array_equal(found[:, 0], np.arange(VIDEOS))


@pytest.mark.parametrize(
    ("batch", "norm", "count", "message"),
    [
        (16, None, 3, "batch_videos=16 is not a multiple of the 3 ranks"),
        (96, 12, 4, ""),
        (96, 12, 8, ""),
        (96, 12, 16, ""),
        (96, 16, 4, "neither a multiple nor a divisor of norm_videos=16"),
    ],
)
def test_parts_of_a_batch_hold_whole_chunks_or_share_one(batch, norm, count, message):
    if not message:
        distributed.check_batch(batch, norm, ranks=count)
        return
    with pytest.raises(ValueError, match=message):
        distributed.check_batch(batch, norm, ranks=count)


@pytest.mark.slow
def test_a_trial_in_two_ranks_is_the_trial_in_one(tiny_trial, runtime, tmp_path, monkeypatch):
    """It shares its batch norms, listens on loopback alone, and resolves no name."""
    alone = trial.run(tiny_trial, runtime, lambda _: None)
    assert tiny_trial.train.norm_videos is None
    monkeypatch.setattr(local_ranks, "_run_rank", rank_processes.run_rank_offline)
    heard, sockets = [], set()

    def hear(history):
        heard.append(history)
        sockets.update(listening_sockets(os.getpid()))

    other = Runtime(results=tmp_path / "two", data=runtime.data, ranks=2, workers=1)
    shared = local_ranks.run(tiny_trial, other, hear)
    assert sockets, "gloo listens"
    assert [each for each in sockets if not each.is_loopback] == []
    assert shared.key == alone.key
    assert [len(history) for history in heard][-1] == 2
    assert shared.provenance["ranks"] == 2
    losses, apart = ([epoch["loss"] for epoch in each.history] for each in (alone, shared))
    # In single precision rounding grows tenfold a step; test_ranks_give_… has double.
    assert apart[0] == pytest.approx(losses[0], rel=1e-2)
    assert apart[1] == pytest.approx(losses[1], rel=0.2)
    assert shared.metrics["videos"] == alone.metrics["videos"]
    assert record.read(tmp_path / "two", shared.key) == shared
    assert not (tmp_path / "two" / "work" / shared.key).exists()


class _StoppedError(Exception):
    """Ends a trial after its first epoch."""


def stop_after_one_epoch(history):
    if len(history) == 1:
        raise _StoppedError


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [(2, 1), (1, 2)])
def test_the_number_of_ranks_may_change_between_attempts(first, then, tiny_trial, runtime):
    alone = trial.run(tiny_trial, replace(runtime, results=runtime.results / "a"), lambda _: None)
    with pytest.raises(_StoppedError):
        local_ranks.run(tiny_trial, replace(runtime, ranks=first), stop_after_one_epoch)
    changed = local_ranks.run(tiny_trial, replace(runtime, ranks=then), lambda _: None)
    assert (changed.key, changed.resumed_epochs) == (alone.key, [1])
    assert changed.provenance["ranks_of_attempts"] == [first, then]
    assert changed.provenance["ranks"] == then
    assert "ranks_of_attempts" not in alone.provenance
    losses, apart = ([epoch["loss"] for epoch in each.history] for each in (alone, changed))
    assert apart[0] == pytest.approx(losses[0], rel=1e-6 if first == 1 else 1e-2)
    assert apart[1] == pytest.approx(losses[1], rel=0.2)
    assert changed.metrics["videos"] == alone.metrics["videos"]
    assert record.read(runtime.results, changed.key) == changed


@pytest.mark.slow
def test_a_rank_that_fails_says_why(tiny_trial, runtime):
    diverging = replace(tiny_trial, train=replace(tiny_trial.train, lr=1e30, warmup_epochs=0))
    with pytest.raises(ValueError, match="loss is nan in epoch 1"):
        local_ranks.run(diverging, replace(runtime, ranks=2), lambda _: None)


@pytest.mark.slow
def test_a_rank_that_fails_alone_ends_those_that_wait_for_it(tiny_trial, runtime, monkeypatch):
    monkeypatch.setattr(local_ranks, "_run_rank", rank_processes.run_rank_apart)
    message = r"^RuntimeError: CUDA kernel of rank 1 does not exist \(traceback in .*rank1\.txt\)$"
    with pytest.raises(ValueError, match=message):
        local_ranks.run(tiny_trial, replace(runtime, ranks=2), lambda _: None)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
@pytest.mark.parametrize("where", ["forward", "backward"])
def test_each_of_two_ranks_without_enough_memory_says_what_would_fit(where, tmp_path):
    for sentence in gpu_ranks.greedy_sentences(gpu_ranks.RANKS, where, tmp_path, timeout_s=600):
        assert sentence.startswith("8 videos at a time do not fit into the ")
        assert "; 3 would: pass a smaller --batch" in sentence


@pytest.mark.slow
def test_a_stop_leaves_no_rank_behind(tiny_trial, runtime):
    def stop(history):
        if history:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local_ranks.run(tiny_trial, replace(runtime, ranks=2), stop)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_one_command_runs_a_trial_in_two_ranks(data_root, tmp_path):
    words = ["run", "table_b", "--rows", "DSA at II", "--seeds", 1, "--ranks", 3, "--no-ray"]
    refused = harness(*words, "--results", tmp_path, "--data", data_root)
    assert "batch_videos=16 is not a multiple of the 3 ranks" in refused.stderr
