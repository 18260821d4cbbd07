"""A trial in ranks on several nodes, by Ray Train, inside the function that Tune runs.

Tune cannot see what the ranks take: `room` says how many trials run at once. Checkpoints are those
of the trial, and whatever died is started again by Tune, so that Ray Train keeps nothing and tries
nothing twice.
"""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.record import Record
from harness.runtime import Runtime
from harness.schedule import rank_messages
from harness.schedule.rank_messages import ProgressCallback, RankError
from harness.schedule.ray import capacity, nodes, session, stop_note
from harness.specs import Trial
from harness.utils import distributed

_ROOM_S = 600.0
_POLL_S = 1.0
_LEAVE_S = 10.0
_START_S = "300"  # processes that import PyTorch, from a slow file system perhaps
_KILLED = 9
_ONCE: dict[str, Any] = {
    "max_failures": 0,
    "controller_failure_limit": 0,
    "max_preemption_failures": 0,
}
_GROUP = "group.txt"


@dataclass(frozen=True, kw_only=True)
class Takes:
    """What a trial takes from the cluster.

    Attributes:
        cpus: Processor cores of all its ranks.
        gpus: GPUs of all its ranks.
        scratch: Folder, seen by all nodes, for files that nobody reads.
    """

    cpus: float
    gpus: float
    scratch: Path


def run(
    asked: Trial,
    runtime: Runtime,
    hear: ProgressCallback,
    *,
    takes: Takes,
    go_on: Callable[[], None],
) -> Record:
    """Run a trial in ranks on several nodes.

    Args:
        asked: The trial.
        runtime: Where and how; `device` names the kind.
        hear: Called with the history so far and with the nodes.
        takes: What the trial takes.
        go_on: Called now and then while there is no room; raises to give up.

    Raises:
        ValueError: If the trial cannot run so; the sentence is that of the rank that failed.
        RankError: If a rank or its node died.
    """
    folder = rank_messages.place(asked, runtime)
    _release(folder)
    _wait_for_room(takes, runtime.ranks, go_on)
    stop_note.clear(folder)
    return rank_messages.wait_for_ranks(
        folder,
        runtime.results,
        hear,
        start=partial(_launch, asked, runtime, folder, takes),
        end=partial(stop_note.write, folder),
    )


@contextlib.contextmanager
def ended(folders: Sequence[Path]) -> Iterator[None]:
    """Have trials end their ranks in order if the block is left by an error, for some seconds.

    Ray would kill all processes of this run in any order, and keep one that was to tidy up.

    Args:
        folders: See `rank_messages.place`.
    """
    try:
        yield
    except BaseException:
        open_ones = [folder for folder in folders if (folder / _GROUP).exists()]
        for folder in open_ones:
            stop_note.write(folder)
        deadline = time.monotonic() + _LEAVE_S
        while any((folder / _GROUP).exists() for folder in open_ones):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S / 4)
        raise


def _wait_for_room(takes: Takes, count: int, go_on: Callable[[], None]) -> None:
    """Wait for a node to come back; Ray Train would start and give up in turn."""
    deadline = time.monotonic() + _ROOM_S
    while True:
        try:
            capacity.find(nodes.alive(), cpus=takes.cpus, gpus=takes.gpus, ranks=count)
        except ValueError as error:
            if time.monotonic() > deadline:
                raise ValueError(f"no room within {_ROOM_S:g} s: {error}") from error
            go_on()
            time.sleep(_POLL_S)
        else:
            return


def _release(folder: Path) -> None:
    """Free what an attempt holds whose processes were killed before they could."""
    import ray
    from ray.util.placement_group import PlacementGroup, remove_placement_group

    with contextlib.suppress(FileNotFoundError):
        text = (folder / _GROUP).read_text(encoding="utf-8")
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(text))))
        (folder / _GROUP).unlink(missing_ok=True)


def _launch(asked: Trial, runtime: Runtime, folder: Path, takes: Takes) -> None:
    """Start the ranks and wait for them."""
    os.environ.update(session.ENVIRONMENT | {"RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": _START_S})
    from ray import train
    from ray.exceptions import RayError

    try:
        _trainer(asked, runtime, folder, takes).fit()
    except train.WorkerGroupError as error:
        raise RankError(_first(error.worker_failures)) from error
    except (train.TrainingFailedError, RayError) as error:
        raise RankError(_last_line(error)) from error
    finally:
        _release(folder)


def _trainer(asked: Trial, runtime: Runtime, folder: Path, takes: Takes) -> Any:
    from ray import train
    from ray.train import torch

    gpus = takes.gpus > 0
    each = {"CPU": takes.cpus / runtime.ranks} | ({"GPU": 1.0} if gpus else {})
    return torch.TorchTrainer(
        _rank,
        train_loop_config={"asked": asked, "runtime": runtime, "folder": folder},
        torch_config=torch.TorchConfig(backend="nccl" if gpus else "gloo"),
        scaling_config=train.ScalingConfig(
            num_workers=runtime.ranks, use_gpu=gpus, resources_per_worker=each
        ),
        run_config=train.RunConfig(
            name=uuid.uuid4().hex,
            storage_path=str(takes.scratch / "train"),
            failure_config=train.FailureConfig(**_ONCE),
        ),
    )


def _first(failures: dict[int, Exception]) -> str:
    """Say which rank died; the others only lost their connection to it."""
    rank = min(
        failures, key=lambda each: ("HealthCheck" not in type(failures[each]).__name__, each)
    )
    error = failures[rank]
    return f"rank {rank}: {_last_line(getattr(error, 'health_check_failure', error))}"


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__


def _rank(config: dict[str, Any]) -> None:
    """Be one rank of a trial; Ray Train has made the process group."""
    import ray
    from ray.train import torch

    runtime, folder = config["runtime"], config["folder"]
    threading.Thread(target=_end_when_told, args=(folder,), daemon=True).start()
    if distributed.rank() == 0:
        group = ray.util.get_current_placement_group()
        assert group is not None  # Ray Train makes one
        (folder / _GROUP).write_text(group.id.hex(), encoding="utf-8")
    if runtime.device.startswith("cuda"):
        runtime = replace(runtime, device=str(torch.get_device()))
    where = nodes.everywhere(distributed.gather([nodes.spot()]))
    rank_messages.run_rank(config["asked"], runtime, folder, where)


def _end_when_told(folder: Path) -> None:
    """End this process in the middle of whatever it does, once told; Ray Train ends the others."""
    while True:
        with contextlib.suppress(OSError):
            if stop_note.is_written(folder):
                os._exit(_KILLED)
        time.sleep(_POLL_S)
