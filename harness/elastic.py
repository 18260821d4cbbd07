"""A trial in several ranks on one machine, by PyTorch's elastic launcher.

The ranks run `trial.run`; rank 0 leaves its history in a file, which this process reads, so that
whoever asked for the trial hears of epochs as from a trial in one process.
"""

import contextlib
import json
import multiprocessing
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from harness import data, files, ranks, record, trial
from harness.record import Record
from harness.runtime import Runtime
from harness.specs import Trial
from harness.train import Epoch
from harness.trial import Report

_POLL_S = 0.5
_HISTORY, _FAILURE = "history.json", "failure.txt"


def run(asked: Trial, runtime: Runtime, report: Report) -> Record:
    """Run a trial in as many ranks as the runtime says; one runs here.

    Args:
        asked: The trial.
        runtime: Where and how; `device` names the kind, and rank n takes the n-th.
        report: Called with the history so far.

    Raises:
        ValueError: If the trial cannot run so; the sentence is that of the rank that failed.
    """
    if runtime.ranks == 1:
        return trial.run(asked, runtime, report)
    ranks.check(asked.train.batch_videos, asked.train.norm_videos, ranks=runtime.ranks)
    _check_devices(runtime)
    key = record.key(asked, data.known(asked.data, runtime.data).digest)
    told = runtime.work(key) / "told"
    told.mkdir(parents=True, exist_ok=True)
    for name in (_HISTORY, _FAILURE):
        (told / name).unlink(missing_ok=True)
    launcher = _Launcher(asked, runtime, told)
    with _ended_with(launcher):
        seen = ""
        while launcher.is_alive():
            launcher.join(_POLL_S)
            seen = _tell(told / _HISTORY, seen, report)
    launcher.check(told / _FAILURE)
    found = record.read(runtime.results, key)
    assert found is not None, key
    return found


def _check_devices(runtime: Runtime) -> None:
    there = torch.cuda.device_count()
    if runtime.device.startswith("cuda") and there < runtime.ranks:
        raise ValueError(f"{runtime.ranks} ranks need as many GPUs; this machine has {there}")


@contextlib.contextmanager
def _ended_with(launcher: "_Launcher") -> Iterator[None]:
    """Start ranks, and leave none behind if the one who waits for them is told to stop."""
    before = multiprocessing.active_children()
    launcher.start()
    try:
        yield
    except BaseException:
        for rank in multiprocessing.active_children():
            if rank not in before:
                rank.kill()
        launcher.join()
        raise


def _tell(path: Path, seen: str, report: Report) -> str:
    """Report a history that was not reported yet; return it."""
    with contextlib.suppress(FileNotFoundError):
        text = path.read_text(encoding="utf-8")
        if text != seen:
            report([Epoch(**row) for row in json.loads(text)])
            return text
    return seen


class RankError(RuntimeError):
    """A rank died, and could not say why."""


class _Launcher(threading.Thread):
    """Starts the ranks and waits for them, beside the thread that reports."""

    def __init__(self, asked: Trial, runtime: Runtime, told: Path) -> None:
        super().__init__(daemon=True)
        self.given = (asked, runtime, told)
        self.error: BaseException | None = None

    def run(self) -> None:
        _, runtime, _ = self.given
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
            elastic_launch(config, _rank)(*self.given)
        except BaseException as error:  # handed to the thread that waits
            self.error = error

    def check(self, failure: Path) -> None:
        """Raise what went wrong.

        Raises:
            ValueError: If a rank could say what.
        """
        if self.error is None:
            return
        if failure.is_file():
            raise ValueError(failure.read_text(encoding="utf-8"))
        if not isinstance(self.error, ChildFailedError):
            raise self.error
        first = min(self.error.failures.values(), key=lambda each: each.timestamp)
        raise RankError(f"rank {first.local_rank} {_end(first.exitcode)}") from self.error


def _end(exitcode: int) -> str:
    return f"was killed by signal {-exitcode}" if exitcode < 0 else f"ended with {exitcode}"


def _rank(asked: Trial, runtime: Runtime, told: Path) -> None:
    """Be one rank of a trial."""
    number, gpus = int(os.environ["LOCAL_RANK"]), runtime.device.startswith("cuda")
    if gpus:
        torch.cuda.set_device(number)
        runtime = replace(runtime, device=f"cuda:{number}")
    dist.init_process_group("nccl" if gpus else "gloo")

    def report(history: list[Epoch]) -> None:
        rows = [asdict(epoch) for epoch in history]
        files.replace(told / _HISTORY, json.dumps(rows).encode())

    try:
        trial.run(asked, runtime, report)
        ranks.wait()
    except (ValueError, ArithmeticError) as error:
        if not (told / _FAILURE).is_file():
            files.replace(told / _FAILURE, str(error).encode())
        raise
    finally:
        dist.destroy_process_group()
