"""The training loop: stochastic gradient descent over epochs, with exact resumption.

Every random draw of an epoch comes from (seed, epoch), and the learning rate is a function of the
step, so weights, momentum, gradient scale and history are the whole state between epochs.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import torch
from torch import nn

from harness.specs import TrainSpec
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


def train(
    net: nn.Module,
    batches: Callable[[int], Iterable[TrainBatch]],
    spec: TrainSpec,
    *,
    steps: int,
    seed: int,
    resume: State | None = None,
    validate: Callable[[int], float | None],
    report: Callable[[list[Epoch], State], None],
) -> list[Epoch]:
    """Train `net` in place.

    Args:
        net: From (N U C T H W) clips to (N K) logits, on its device.
        batches: Returns the batches of an epoch, by its index from 0.
        spec: Optimiser and schedule.
        steps: Batches in an epoch.
        seed: Of dropout.
        resume: A state that was passed to `report`; training continues from it.
        validate: Returns a percentage or None, from the number of finished epochs.
        report: Called after each epoch with the history and the state to resume from.

    Returns:
        One entry per epoch, including those before resumption.

    Raises:
        NonFiniteLossError: At the first step whose loss is not finite.
        DeviceMemoryError: If the device has too little memory; gives the number of videos that
            would fit.
    """
    trainer = Trainer(net, spec, steps=steps)
    history: list[Epoch] = []
    if resume is not None:
        trainer.load(resume)
        history = [Epoch(**row) for row in resume["history"]]
    for epoch in range(len(history), spec.epochs):
        start = time.monotonic()
        torch.manual_seed((seed + distributed.rank() * _RANK_STRIDE) * _SEED_STRIDE + epoch)
        loss, top1, lr = trainer.epoch(epoch, batches(epoch))
        val_top1 = validate(epoch + 1)
        history.append(
            Epoch(
                epoch=epoch + 1,
                loss=loss,
                train_top1=top1,
                val_top1=val_top1,
                lr=lr,
                seconds=time.monotonic() - start,
                waited_s=trainer.waited_s,
                finished_ms=time.time_ns() // 1_000_000,
            )
        )
        report([*history], trainer.state() | {"history": [asdict(row) for row in history]})
    return history
