"""The training loop: stochastic gradient descent over epochs, with exact resumption.

Every random draw of an epoch comes from (seed, epoch), and the learning rate is a function of the
step, so weights, momentum, gradient scale and history are the whole state between epochs. Between
two steps `PartialEpoch` is added.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import torch
from torch import nn

from harness.specs import TrainSpec
from harness.training.partial_epoch import PartialEpoch, SaveTimer, resume_epoch
from harness.training.trainer import State, TrainBatch, Trainer
from harness.utils import distributed

_SEED_STRIDE = 1_000_003
_RANK_STRIDE = 10_007


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Results of one epoch.

    Attributes:
        epoch: Finished epochs, from 1.
        loss: Mean training loss.
        train_top1: Percent of training clips classified correctly, each before its step.
        val_top1: Percent of test videos, on one centred view each; None if not measured.
        lr: Learning rate of the last step.
        seconds: Duration.
        waited_s: Seconds of it spent waiting for batches.
        finished_ms: End of the epoch, milliseconds since 1970.
    """

    epoch: int
    loss: float
    train_top1: float
    val_top1: float | None
    lr: float
    seconds: float
    waited_s: float
    finished_ms: int


class Batches(Protocol):
    """The batches of each epoch."""

    def __call__(self, epoch: int, start: int = 0, /) -> Iterable[TrainBatch]:
        """Return the batches of an epoch, by its index from 0, without the first `start`."""


@dataclass(frozen=True, kw_only=True)
class StepSaves:
    """Saves within an epoch.

    Attributes:
        every_s: Seconds from one to the next.
        save: Called on every rank with the state to resume from, the number of finished epochs, and
            that of finished steps of the next one.
    """

    every_s: float
    save: Callable[[State, int, int], None]


def train(
    net: nn.Module,
    batches: Batches,
    spec: TrainSpec,
    *,
    steps: int,
    seed: int,
    resume: State | None = None,
    validate: Callable[[int], float | None],
    report: Callable[[list[Epoch], State], None],
    step_saves: StepSaves | None = None,
    is_compiled: bool = False,
) -> list[Epoch]:
    """Train `net` in place.

    Args:
        net: From (N U C T H W) clips to (N K) logits, on its device.
        batches: Returns the batches of an epoch.
        spec: Optimiser and schedule.
        steps: Batches in an epoch.
        seed: Of dropout.
        resume: A state that was passed to `report` or saved; training continues from it.
        validate: Returns a percentage or None, from the number of finished epochs.
        report: Called after each epoch with the history and the state to resume from.
        step_saves: Saves within an epoch; None for none.
        is_compiled: Train the network as `torch.compile` compiles it.

    Returns:
        One entry per epoch, including those before resumption.

    Raises:
        NonFiniteLossError: After the first step whose loss is not finite.
        DeviceMemoryError: If the device has too little memory; gives the number of videos that
            would fit.
        ValueError: If the state is from within an epoch, by another number of ranks.
    """
    trainer = Trainer(net, spec, steps=steps, is_compiled=is_compiled)
    if resume is not None:
        trainer.load(resume)
    history = [Epoch(**row) for row in resume["history"]] if resume is not None else []
    saver = _Saver(trainer, step_saves) if step_saves is not None else None
    for index in range(len(history), spec.epochs):
        start = time.monotonic()
        torch.manual_seed((seed + distributed.rank() * _RANK_STRIDE) * _SEED_STRIDE + index)
        partial = _begin(index, trainer.net, resume)
        if saver is not None:
            saver.begin(partial, history, start - partial.seconds)
        left = batches(index, partial.steps) if partial.steps else batches(index)
        loss, top1, lr = trainer.epoch(partial, left, saver)
        val_top1 = validate(index + 1)
        history.append(
            Epoch(
                epoch=index + 1,
                loss=loss,
                train_top1=top1,
                val_top1=val_top1,
                lr=lr,
                seconds=partial.seconds + time.monotonic() - start,
                waited_s=partial.waited_s,
                finished_ms=time.time_ns() // 1_000_000,
            )
        )
        report([*history], trainer.state() | _as_state(history))
    return history


def _begin(index: int, net: nn.Module, resume: State | None) -> PartialEpoch:
    """Return an epoch without steps, or with those that a state from within it has finished."""
    if resume is not None and "within" in resume and index == len(resume["history"]):
        return resume_epoch(index, net, resume["within"])
    return PartialEpoch(index)


def _as_state(history: Sequence[Epoch]) -> State:
    return {"history": [asdict(row) for row in history]}


class _Saver:
    """Saves the state of training within an epoch; see `StepSaves`."""

    def __init__(self, trainer: Trainer, saves: StepSaves) -> None:
        self._trainer = trainer
        self._saves = saves
        self._timer = SaveTimer(saves.every_s)
        self.is_due = self._timer.is_due

    def begin(self, partial: PartialEpoch, history: Sequence[Epoch], start: float) -> None:
        """Save this epoch from now on, whose `seconds` count from `start`."""
        self._partial, self._history, self._start = partial, history, start

    def save(self) -> None:
        """Save the state after the finished steps; all ranks call this together."""
        within = self._partial.state(self._trainer.net)
        within["seconds"] = time.monotonic() - self._start
        state = self._trainer.state() | _as_state(self._history) | {"within": within}
        self._saves.save(state, len(self._history), self._partial.steps)
