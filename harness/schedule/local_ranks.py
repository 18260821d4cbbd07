"""A trial in several ranks on one machine.

Nothing listens beyond this machine: ranks meet in a file that only this user can open, and connect
over loopback.
"""

import math
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace
from datetime import timedelta
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist

from harness import trial
from harness.record import Record
from harness.runtime import Runtime
from harness.schedule import rank_messages
from harness.schedule.rank_messages import RankError
from harness.specs import Trial
from harness.trial import Report
from harness.utils.process import exit_with_parent

_POLL_S = 0.2
_GRACE_S = 5.0  # for the reasons of ranks that end because one of them has
_LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
_GROUP_TIMEOUT_S = 300.0
_FAILED = 1


def run(spec: Trial, runtime: Runtime, report: Report) -> Record:
    """Run a trial in the number of ranks of the runtime; a single one is this process.

    Args:
        spec: The trial.
        runtime: Where and how; `device` names the kind, and rank n takes the n-th device.
        report: Called with the history so far.

    Raises:
        ValueError: If the trial cannot run so; the sentence is that of the rank that failed.
            TransientError if another try may succeed.
        RankError: If a rank died.
    """
    if runtime.ranks == 1:
        return trial.run(spec, runtime, report)
    folder = rank_messages.make_folder(spec, runtime)
    _check_devices(runtime)
    ranks = _Ranks(spec, runtime, folder)
    return rank_messages.wait_for_ranks(
        folder,
        runtime.results,
        lambda history, _: report(history),
        start=ranks.run,
        end=ranks.end,
    )


def _check_devices(runtime: Runtime) -> None:
    count = torch.cuda.device_count()
    if runtime.device.startswith("cuda") and count < runtime.ranks:
        raise ValueError(f"{runtime.ranks} ranks need as many GPUs; this machine has {count}")


class _Ranks:
    """The processes of a trial's ranks, which end together.

    Args:
        spec: The trial.
        runtime: Where and how.
        folder: See `rank_messages.make_folder`.
    """

    def __init__(self, spec: Trial, runtime: Runtime, folder: Path) -> None:
        self._spec = spec
        self._runtime = runtime
        self._folder = folder
        self._is_ending = threading.Event()

    def run(self) -> None:
        """Start the ranks and wait for them.

        Raises:
            RankError: If one fails; the others are ended.
        """
        context = multiprocessing.get_context("spawn")
        with TemporaryDirectory(prefix="harness-ranks-") as private:  # of mode 0700
            common = self._spec, self._runtime, self._folder, Path(private, "store")
            processes: list[BaseProcess] = [
                context.Process(target=_run_rank, args=(number, *common))
                for number in range(self._runtime.ranks)
            ]
            try:
                for process in processes:
                    process.start()
                codes = self._wait(processes)
            finally:
                for process in processes:
                    if process.pid is not None:
                        process.kill()
                        process.join()
        self._check(codes)

    def end(self) -> None:
        """Have another thread's `run` end the ranks."""
        self._is_ending.set()

    def _wait(self, processes: list[BaseProcess]) -> list[int | None]:
        """Wait until all ranks have ended, or some seconds longer than the first that failed.

        Returns:
            Their exit codes; None for a rank that still runs.
        """
        deadline = math.inf
        while alive := [process for process in processes if process.exitcode is None]:
            if self._is_ending.is_set() or time.monotonic() > deadline:
                break
            connection.wait([process.sentinel for process in alive], timeout=_POLL_S)
            if any(process.exitcode for process in processes):
                deadline = min(deadline, time.monotonic() + _GRACE_S)
        return [process.exitcode for process in processes]

    def _check(self, codes: list[int | None]) -> None:
        """Raise an error that names the rank that died; others only lost their connection to it."""
        failed = {code: rank for rank, code in enumerate(codes) if code}
        if not failed:
            return
        code, rank = min(failed.items())  # signals are negative
        if code < 0:
            raise RankError(f"rank {rank} was killed by {signal.Signals(-code).name}")
        failure = rank_messages.read_failure(self._folder)
        reason = f": {failure.sentence}" if failure else ""
        raise RankError(f"rank {rank} exited with code {code}{reason}")


def _run_rank(number: int, spec: Trial, runtime: Runtime, folder: Path, store: Path) -> None:
    """Run one rank of a trial, in its own process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the driver ends its ranks
    exit_with_parent()
    os.environ.update(_LOOPBACK)
    if runtime.device.startswith("cuda"):
        runtime = replace(runtime, device=f"cuda:{number}")
    try:
        with rank_messages.failures_reported(folder, runtime.results, rank=number):
            _join(number, runtime, store)
            rank_messages.run_rank(spec, runtime, folder)
    except Exception:
        # The group is left as it is: to destroy it, the other ranks would have to take part.
        for loader in multiprocessing.active_children():
            loader.kill()
        os._exit(_FAILED)
    dist.destroy_process_group()


def _join(number: int, runtime: Runtime, store: Path) -> None:
    """Join the process group of the ranks, with the device of this one."""
    options: dict[str, Any] = {}
    device = torch.device(runtime.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        # A rank that waits for storage must not look like one that hangs.
        timeout = timedelta(seconds=runtime.loader_timeout_s + _GROUP_TIMEOUT_S)
        options = {"device_id": device, "timeout": timeout}
    dist.init_process_group(
        "nccl" if options else "gloo",
        store=dist.FileStore(str(store), runtime.ranks),  # type: ignore[attr-defined]
        rank=number,
        world_size=runtime.ranks,
        **options,
    )
