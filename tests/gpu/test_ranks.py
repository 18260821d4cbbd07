"""Ranks on GPUs: two against one, and one that ends alone. On one GPU they share it, by gloo."""

import multiprocessing
from dataclasses import replace

import pytest

from harness import record, trial
from harness.schedule import local_ranks
from harness.schedule.rank_messages import RankError
from tests.gpu import MARKS
from tests.gpu.test_trials import assert_alike, quiet
from tests.helpers import gpu_ranks

pytestmark = MARKS


@pytest.fixture
def on_gpus(runtime, tmp_path, monkeypatch):
    monkeypatch.setattr(local_ranks, "_run_rank", gpu_ranks.run_rank_here)
    if not gpu_ranks.has_gpu_for_each():
        monkeypatch.setattr(local_ranks, "_check_devices", lambda _: None)
    return replace(runtime, device="cuda", ranks=2, results=tmp_path / "ranks")


@pytest.mark.parametrize("norm_videos", [4, 2, None], ids=["plain", "chunked", "shared norm"])
def test_two_ranks_give_the_record_of_one(tiny_trial, runtime, on_gpus, norm_videos, exact):
    spec = replace(tiny_trial, train=replace(tiny_trial.train, norm_videos=norm_videos))
    shared = local_ranks.run(spec, on_gpus, quiet)
    assert shared.provenance["ranks"] == 2
    assert record.read(on_gpus.results, shared.key) == shared
    assert_alike(shared, trial.run(spec, replace(runtime, device="cuda"), quiet))


def test_ranks_that_share_a_norm_may_compute_blocks_again(tiny_trial, on_gpus, exact):
    assert tiny_trial.train.norm_videos is None
    plain = local_ranks.run(tiny_trial, replace(on_gpus, results=on_gpus.results / "plain"), quiet)
    recomputed = replace(on_gpus, activation_checkpointing=True)
    assert_alike(local_ranks.run(tiny_trial, recomputed, quiet), plain)


def test_a_killed_rank_ends_the_trial_with_its_name(tiny_trial, on_gpus, monkeypatch):
    monkeypatch.setattr(local_ranks, "_run_rank", gpu_ranks.run_rank_killed)
    with pytest.raises(RankError, match="rank 1 was killed by SIGKILL"):
        local_ranks.run(tiny_trial, on_gpus, quiet)
    assert multiprocessing.active_children() == []


def test_a_rank_that_fails_alone_ends_the_trial_with_its_reason(tiny_trial, on_gpus, monkeypatch):
    monkeypatch.setattr(local_ranks, "_run_rank", gpu_ranks.run_rank_failing)
    with pytest.raises(ValueError, match=r"^RuntimeError: rank 1 fails alone \(traceback in "):
        local_ranks.run(tiny_trial, on_gpus, quiet)
    assert multiprocessing.active_children() == []
