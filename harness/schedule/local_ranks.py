"""A trial in several ranks on one machine, by PyTorch's elastic launcher."""

import multiprocessing
import os
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from harness import trial
from harness.record import Record
from harness.runtime import Runtime
from harness.schedule import rank_messages
from harness.schedule.rank_messages import RankError
from harness.specs import Trial
from harness.trial import Report


def run(spec: Trial, runtime: Runtime, report: Report) -> Record:
    """Run a trial in the number of ranks of the runtime; a single one is this process.

    Args:
        spec: The trial.
        runtime: Where and how; `device` names the kind, and rank n takes the n-th device.
        report: Called with the history so far.

    Raises:
        ValueError: If the trial cannot run so; the sentence is that of the rank that failed.
        RankError: If a rank died.
    """
    if runtime.ranks == 1:
        return trial.run(spec, runtime, report)
    folder = rank_messages.make_folder(spec, runtime)
    _check_devices(runtime)
    return rank_messages.wait_for_ranks(
        folder,
        runtime.results,
        lambda history, _: report(history),
        start=partial(_launch, spec, runtime, folder),
        end=partial(_kill_ranks, multiprocessing.active_children()),
    )


def _check_devices(runtime: Runtime) -> None:
    count = torch.cuda.device_count()
    if runtime.device.startswith("cuda") and count < runtime.ranks:
        raise ValueError(f"{runtime.ranks} ranks need as many GPUs; this machine has {count}")


def _kill_ranks(other_children: Sequence[BaseProcess]) -> None:
    """Kill the children of this process that are ranks."""
    for child in multiprocessing.active_children():
        if child not in other_children:
            child.kill()


def _launch(spec: Trial, runtime: Runtime, folder: Path) -> None:
    """Start the ranks and wait for them."""
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=runtime.ranks,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="spawn",
    )
    try:
        elastic_launch(config, _rank)(spec, runtime, folder)
    except ChildFailedError as error:
        first = min(error.failures.values(), key=lambda failure: failure.timestamp)
        raise RankError(f"rank {first.local_rank} {_describe_exit(first.exitcode)}") from error


def _describe_exit(exitcode: int) -> str:
    return f"was killed by signal {-exitcode}" if exitcode < 0 else f"exited with code {exitcode}"


def _rank(spec: Trial, runtime: Runtime, folder: Path) -> None:
    """Run one rank of a trial."""
    number, gpus = int(os.environ["LOCAL_RANK"]), runtime.device.startswith("cuda")
    if gpus:
        torch.cuda.set_device(number)
        runtime = replace(runtime, device=f"cuda:{number}")
    dist.init_process_group("nccl" if gpus else "gloo")
    try:
        rank_messages.run_rank(spec, runtime, folder)
    finally:
        dist.destroy_process_group()
