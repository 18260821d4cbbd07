"""Work of ranks in tests, started in separate processes."""

import os
import signal
import socket
import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import trial
from harness.schedule import local_ranks
from harness.training import evaluate, loop
from harness.utils import distributed
from harness.zoo.build import build

TRIAL = desk(EXPERIMENT.rows[3].trial)
BATCH, STEPS, EPOCHS = 8, 3, 2


class Batch(NamedTuple):
    clips: Tensor
    labels: Tensor
    indices: Tensor


def batches(epoch):
    """Return this rank's part of each batch, in double precision."""
    for step in range(STEPS):
        rng = np.random.default_rng((epoch, step))
        clips = torch.from_numpy(rng.normal(size=(BATCH, 1, 4, 3, 4, 16, 16)))
        labels = torch.from_numpy(rng.integers(12, size=BATCH))
        whole = zip(clips, labels, torch.arange(BATCH), strict=True)
        yield Batch(*map(torch.stack, zip(*distributed.shard(list(whole)), strict=True)))


def fitted(norm_videos):
    """Train a small network in double precision; return its losses and its state."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = build(TRIAL.model, TRIAL.data).double()
    spec = replace(
        TRIAL.train,
        epochs=EPOCHS,
        milestones=(),
        warmup_epochs=0,
        batch_videos=BATCH,
        norm_videos=norm_videos,
    )
    history = loop.train(
        net,
        batches,
        spec,
        steps=STEPS,
        seed=0,
        validate=lambda _: None,
        report=lambda _history, _state: None,
    )
    return [epoch.loss for epoch in history], net.state_dict()


class _Counting(nn.Module):
    """Score a clip by its one number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).float()


def scored(count):
    """Score videos distributed over ranks as by a loader."""
    mine = list(range(count))[distributed.rank() :: distributed.world_size()]
    given = [
        Batch(
            torch.full((1, 1, 1, 1, 1, 1, 1), float(place)), torch.zeros(1), torch.tensor([place])
        )
        for place in mine
    ]
    return evaluate.score(_Counting(), given, num_videos=count, precision="float32")


def together(count, calls, folder):
    """Make calls one by one in several ranks; return for each call what the ranks return.

    Args:
        count: Of ranks.
        calls: Functions, each with its argument.
        folder: For their results.
    """
    mp.spawn(_one, (count, calls, str(folder)), nprocs=count)
    return [
        [
            torch.load(folder / f"{place}-{rank}.pt", weights_only=work is not scored)
            for rank in range(count)
        ]
        for place, (work, _) in enumerate(calls)
    ]


def _one(rank, count, calls, folder):
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=count)
    for place, (work, argument) in enumerate(calls):
        torch.save(work(argument), f"{folder}/{place}-{rank}.pt")
    dist.destroy_process_group()


run_rank = local_ranks._run_rank


def run_rank_offline(*args):
    """Stand for `local_ranks._run_rank` on a machine whose names nobody resolves."""

    def hang(*_args, **_named):
        time.sleep(600)

    for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getfqdn"):
        setattr(socket, name, hang)
    run_rank(*args)


def run_rank_apart(number, *args):
    """Stand for `local_ranks._run_rank` where rank 1 fails while rank 0 waits for it for ever.

    So do ranks on GPUs: they wait in an operation that nothing interrupts, and a group is destroyed
    by all of them together.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    dist.destroy_process_group = lambda: time.sleep(600)

    def fail(*_):
        raise RuntimeError("CUDA kernel of rank 1 does not exist")

    trial.run = fail if number else lambda *_: time.sleep(600)
    run_rank(number, *args)
