"""The checkpoints of one trial in training; a thread writes those inside an epoch."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch import Tensor
from torch.utils._pytree import tree_map

from harness.training import checkpoint
from harness.training.checkpoint import Owner

State = dict[str, Any]


class CheckpointWriter:
    """Writes checkpoints, one at a time; what fails in the thread is raised by the next call.

    Args:
        folder: Of the trial.
        owner: Hashes of what the states belong to: trial, data and code.
    """

    def __init__(self, folder: Path, owner: Owner | None = None) -> None:
        self._folder = folder
        self._owner = owner
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: Future[Path] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown()

    def load_newest(self) -> State | None:
        """Return the state of the newest whole checkpoint of the owner; None without one."""
        return checkpoint.load_newest(self._folder, self._owner)

    def save(self, state: State, *, epoch: int) -> None:
        """Write the state after an epoch, and return once it is on disk."""
        self._wait()
        checkpoint.save(self._folder, self._owned(state), epoch=epoch)

    def save_aside(self, state: State, *, epoch: int, step: int) -> None:
        """Copy the state after a step of the epoch that follows `epoch`; the thread writes it."""
        self._wait()
        copied = self._owned(tree_map(_copy, state))
        self._pending = self._thread.submit(
            checkpoint.save,
            self._folder,
            copied,
            epoch=epoch,
            step=step,
        )

    def _owned(self, state: State) -> State:
        return state if self._owner is None else state | {checkpoint.OWNER: dict(self._owner)}

    def _wait(self) -> None:
        """Wait for the thread, and raise what failed there."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()


def _copy(value: Any) -> Any:
    """Copy a tensor, which training changes, into the memory of the CPU."""
    return value.detach().to("cpu", copy=True) if isinstance(value, Tensor) else value
