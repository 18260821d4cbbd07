"""A trial in ranks on several nodes, by Ray Train, inside the function that Tune runs.

Tune does not count the resources of the ranks: `capacity` limits how many trials run at once. The
trial writes its own checkpoints, and Tune restarts a dead trial, so that Ray Train keeps no files
and never retries.
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
_SETTLE_S = 10.0  # attributes of files are cached, and listings read anew meanwhile
_START_S = "300"  # processes import PyTorch, perhaps from a slow file system
_KILLED = 9
_NO_RETRY: dict[str, Any] = {
    "max_failures": 0,
    "controller_failure_limit": 0,
    "max_preemption_failures": 0,
}
_GROUP = "group.txt"


@dataclass(frozen=True, kw_only=True)
class TrialResources:
    """Resources of one trial, on all its nodes together.

    Attributes:
        cpus: Processor cores of all its ranks.
        gpus: GPUs of all its ranks.
        scratch: Folder that all nodes share, for temporary files.
    """

    cpus: float
    gpus: float
    scratch: Path


def run(
    spec: Trial,
    runtime: Runtime,
    on_history: ProgressCallback,
    *,
    resources: TrialResources,
    check_stop: Callable[[], None],
) -> Record:
    """Run a trial in ranks on several nodes.

    Args:
        spec: The trial.
        runtime: Where and how; `device` names the kind.
        on_history: Called with the history so far and with the nodes.
        resources: Of the trial.
        check_stop: Called now and then while no room is free; raises to give up.

    Raises:
        ValueError: If the trial cannot run so; the sentence is that of the rank that failed.
            TransientError if another try may succeed.
        RankError: If a rank or its node died.
    """
    folder = rank_messages.make_folder(spec, runtime)
    _release(folder)
    _wait_for_room(resources, runtime.ranks, check_stop)
    stop_note.clear(folder)
    return rank_messages.wait_for_ranks(
        folder,
        runtime.results,
        on_history,
        start=partial(_launch, spec, runtime, folder, resources),
        end=partial(stop_note.write, folder),
        settle_s=_SETTLE_S,
    )


@contextlib.contextmanager
def stop_ranks_on_error(folders: Sequence[Path]) -> Iterator[None]:
    """Have ranks end in order if the block is left by an error, and wait for it some seconds.

    Ray would kill all processes of this run in any order, and leave a cleaner behind.

    Args:
        folders: See `rank_messages.make_folder`.
    """
    try:
        yield
    except BaseException:
        running = [folder for folder in folders if (folder / _GROUP).exists()]
        for folder in running:
            stop_note.write(folder)
        deadline = time.monotonic() + _LEAVE_S
        while any((folder / _GROUP).exists() for folder in running):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S / 4)
        raise


def _wait_for_room(resources: TrialResources, count: int, check_stop: Callable[[], None]) -> None:
    """Wait for a lost node to come back; Ray Train would start and give up again and again."""
    deadline = time.monotonic() + _ROOM_S
    while True:
        try:
            capacity.find_capacity(
                nodes.alive_nodes(), cpus=resources.cpus, gpus=resources.gpus, ranks=count
            )
        except ValueError as error:
            if time.monotonic() > deadline:
                raise ValueError(f"no room within {_ROOM_S:g} s: {error}") from error
            check_stop()
            time.sleep(_POLL_S)
        else:
            return


def _release(folder: Path) -> None:
    """Free the placement group of an earlier attempt whose processes were killed."""
    import ray
    from ray.util.placement_group import PlacementGroup, remove_placement_group

    with contextlib.suppress(FileNotFoundError):
        text = (folder / _GROUP).read_text(encoding="utf-8")
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(text))))
        (folder / _GROUP).unlink(missing_ok=True)


def _launch(spec: Trial, runtime: Runtime, folder: Path, resources: TrialResources) -> None:
    """Start the ranks and wait for them."""
    os.environ.update(session.ENVIRONMENT | {"RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": _START_S})
    from ray import train
    from ray.exceptions import RayError

    try:
        _trainer(spec, runtime, folder, resources).fit()
    except train.WorkerGroupError as error:
        raise RankError(_first_failure(error.worker_failures)) from error
    except (train.TrainingFailedError, RayError) as error:
        raise RankError(_last_line(error)) from error
    finally:
        _release(folder)


def _trainer(spec: Trial, runtime: Runtime, folder: Path, resources: TrialResources) -> Any:
    from ray import train
    from ray.train import torch

    from harness.schedule.ray.rendezvous import OwnGroupConfig

    gpus = resources.gpus > 0
    per_rank = {"CPU": resources.cpus / runtime.ranks} | ({"GPU": 1.0} if gpus else {})
    return torch.TorchTrainer(
        _rank,
        train_loop_config={"spec": spec, "runtime": runtime, "folder": folder},
        torch_config=OwnGroupConfig(),
        scaling_config=train.ScalingConfig(
            num_workers=runtime.ranks, use_gpu=gpus, resources_per_worker=per_rank
        ),
        run_config=train.RunConfig(
            name=uuid.uuid4().hex,
            storage_path=str(resources.scratch / "train"),
            failure_config=train.FailureConfig(**_NO_RETRY),
        ),
    )


def _first_failure(failures: dict[int, Exception]) -> str:
    """Return which rank died and why; the others only lost their connection to it."""
    rank = min(
        failures, key=lambda rank: ("HealthCheck" not in type(failures[rank]).__name__, rank)
    )
    error = failures[rank]
    return f"rank {rank}: {_last_line(getattr(error, 'health_check_failure', error))}"


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__


def _rank(config: dict[str, Any]) -> None:
    """Run one rank of a trial."""
    import ray
    from ray import train
    from ray.train import torch

    from harness.schedule.ray.rendezvous import join_group

    runtime, folder = config["runtime"], config["folder"]
    rank = train.get_context().get_world_rank()
    threading.Thread(target=_exit_on_stop, args=(folder,), daemon=True).start()
    if rank == 0:
        group = ray.util.get_current_placement_group()
        assert group is not None  # Ray Train makes one
        (folder / _GROUP).write_text(group.id.hex(), encoding="utf-8")
    if runtime.device.startswith("cuda"):
        runtime = replace(runtime, device=str(torch.get_device()))
    with rank_messages.failures_reported(folder, runtime.results, rank=rank):
        join_group("nccl" if runtime.device.startswith("cuda") else "gloo")
        location = nodes.join_placements(distributed.gather([nodes.placement()]))
        rank_messages.run_rank(config["spec"], runtime, folder, location)


def _exit_on_stop(folder: Path) -> None:
    """Kill this process once the note says to stop; Ray Train ends the others."""
    while True:
        with contextlib.suppress(OSError):
            if stop_note.is_written(folder):
                os._exit(_KILLED)
        time.sleep(_POLL_S)
