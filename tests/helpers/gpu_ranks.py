"""Ranks on GPUs in tests, started in separate processes; on one GPU they share it, through gloo.

Too little memory can be met on a CPU too, which pretends it.
"""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from harness.schedule import local_ranks
from harness.specs import TrainSpec
from harness.training import loop, trainer
from harness.training.out_of_memory import DeviceMemoryError
from harness.utils import distributed
from tests.helpers.rank_processes import Batch

VIDEOS = 8
RANKS = 2
BEYOND_ANY_GPU = 2**50  # bytes
run_rank = local_ranks._run_rank
update = trainer.Trainer._update
DEATH_STEP = 2


def has_gpu_for_each():
    return torch.cuda.device_count() >= RANKS


def join_by_gloo(number, runtime, store):
    """Stand for `local_ranks._join` where ranks share one GPU."""
    torch.cuda.set_device(0)
    store = dist.FileStore(str(store), runtime.ranks)
    dist.init_process_group("gloo", store=store, rank=number, world_size=runtime.ranks)


def share_one_gpu():
    """Make ranks of this process take the first GPU, if there is no other."""
    if not has_gpu_for_each():
        local_ranks.replace = lambda runtime, **_: replace(runtime, device="cuda:0")
        local_ranks._join = join_by_gloo


def run_rank_here(number, *args):
    """Stand for `local_ranks._run_rank` on a machine with any number of GPUs."""
    share_one_gpu()
    run_rank(number, *args)


def _run_rank_until(number, args, end):
    steps = iter(range(1_000))

    def update_or_end(*given):
        if number == 1 and next(steps) == DEATH_STEP:
            end()
        return update(*given)

    trainer.Trainer._update = update_or_end
    run_rank_here(number, *args)


def run_rank_killed(number, *args):
    """Stand for `local_ranks._run_rank` where rank 1 is killed in training."""
    _run_rank_until(number, args, lambda: os.kill(os.getpid(), signal.SIGKILL))


def run_rank_failing(number, *args):
    """Stand for `local_ranks._run_rank` where rank 1 fails alone while rank 0 waits for it."""

    def fail():
        raise RuntimeError("rank 1 fails alone")

    _run_rank_until(number, args, fail)


class Greedy(torch.autograd.Function):
    """The identity, which asks for more memory than a GPU has, in one pass, for many videos."""

    @staticmethod
    def forward(ctx, x, most, where):
        ctx.most, ctx.where = most, where
        _ask(x, most if where == "forward" else len(x))
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        _ask(gradient, ctx.most if ctx.where == "backward" else len(gradient))
        return gradient, None, None


def _ask(x, most):
    if len(x) > most and x.device.type == "cpu":
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1024.00 TiB.")
    if len(x) > most:
        torch.empty(BEYOND_ANY_GPU, dtype=torch.uint8, device=x.device)


class GreedyNet(nn.Module):
    """A small network for which memory suffices for some videos only."""

    def __init__(self, most, where):
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 3)
        self.most, self.where = most, where

    def forward(self, x):
        hidden = self.first(x.flatten(1)).relu()
        return self.last(Greedy.apply(hidden, self.most, self.where))


def memory_sentence(net, clips, device):
    """Train on a batch that does not fit; return the sentence."""
    videos = len(clips)
    batch = Batch(
        clips.to(device), torch.zeros(videos, dtype=torch.long, device=device), torch.arange(videos)
    )
    whole = videos * distributed.world_size()
    spec = TrainSpec(epochs=1, batch_videos=whole, lr=0.1, norm_videos=videos)
    try:
        loop.train(
            net.to(device),
            lambda _: [batch],
            spec,
            steps=1,
            seed=0,
            validate=lambda _: None,
            report=lambda *_: None,
        )
    except DeviceMemoryError as error:
        return str(error)
    return "it fitted"


def greedy_sentences(ranks, where, folder, *, timeout_s=120):
    """Return the sentence of each rank whose memory suffices for 3 of its 8 videos."""
    if ranks == 1:
        return [memory_sentence(GreedyNet(3, where), torch.randn(VIDEOS, 1, 6), _device(0))]
    context = mp.spawn(_greedy_rank, (where, str(folder)), nprocs=ranks, join=False)
    ender = threading.Timer(timeout_s, lambda: [process.kill() for process in context.processes])
    ender.start()
    try:
        while not context.join():
            pass
    finally:
        ender.cancel()
    return [(folder / f"{rank}.txt").read_text() for rank in range(ranks)]


def _device(number):
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", number if has_gpu_for_each() else 0)


def _greedy_rank(number, where, folder):
    device = _device(number)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    os.environ |= {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    dist.init_process_group(
        "nccl" if has_gpu_for_each() else "gloo",
        f"file://{folder}/meet-{where}",
        rank=number,
        world_size=RANKS,
    )
    sentence = memory_sentence(GreedyNet(3, where), torch.randn(VIDEOS, 1, 6), device)
    Path(folder, f"{number}.txt").write_text(sentence)
    os._exit(0)  # ranks that stopped within a pass cannot leave their group together
