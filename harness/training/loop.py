"""The training loop: stochastic gradient descent over epochs, resumed exactly where it stopped.

Every random draw of an epoch comes from (seed, epoch), and the learning rate is a function of the
step, so the state between epochs is weights, momentum and history: nothing else.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.specs import TrainSpec
from harness.training import out_of_memory, sync_batch_norm
from harness.training.optim import autocast, learning_rate
from harness.training.out_of_memory import TooLargeError
from harness.utils import distributed

State = dict[str, Any]
_SEED_STRIDE = 1_000_003
_RANK_STRIDE = 10_007


class TrainBatch(Protocol):
    """A batch of one view per video."""

    @property
    def clips(self) -> Tensor:
        """One view per video, (N 1 U C T H W)."""

    @property
    def labels(self) -> Tensor:
        """Class indices (N)."""

    @property
    def indices(self) -> Tensor:
        """Places in the list of videos (N)."""


class _Part(NamedTuple):
    """Some videos of a batch."""

    clips: Tensor
    labels: Tensor
    indices: Tensor


class NonFiniteLossError(ArithmeticError):
    """Training diverged."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch showed.

    Attributes:
        epoch: Finished epochs, from 1.
        loss: Mean training loss.
        train_top1: Percent of training clips classified right, as they were seen.
        val_top1: Percent of test videos, one centred view each; None where not measured.
        lr: Learning rate of the last step.
        seconds: Duration.
        waited_s: Seconds of it in which training waited for a batch.
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


def fit(
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
        batches: Epoch index to its batches.
        spec: Optimiser and schedule.
        steps: Batches in an epoch.
        seed: Of dropout.
        resume: A state that `report` was given; training goes on after it.
        validate: Number of finished epochs to percent, or None.
        report: Called after each epoch with the history and the state to resume from.

    Returns:
        One entry per epoch, those before a resume included.

    Raises:
        NonFiniteLossError: At the first step whose loss is not finite.
        TooLargeError: If the device has too little memory; says how many videos would fit.
    """
    trainer = _Trainer(net, spec, steps=steps)
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


class _Trainer:
    """The network, its optimiser and its gradient scaler, which change together."""

    def __init__(self, net: nn.Module, spec: TrainSpec, *, steps: int) -> None:
        self.spec = spec
        self.steps = steps
        self.device = next(net.parameters()).device
        group = distributed.norm_group(spec.batch_videos, spec.norm_videos)
        self.shares_norms = group is not None
        self.net = sync_batch_norm.share(net, group)
        self.called = distributed.data_parallel(self.net)
        self.waited_s = 0.0
        self.optimiser = torch.optim.SGD(
            net.parameters(),
            lr=spec.lr,
            momentum=spec.momentum,
            nesterov=spec.nesterov,
            weight_decay=spec.weight_decay,
        )
        scaled = spec.precision == "float16"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)

    def state(self) -> State:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load(self, state: State) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        return {"net": self.net, "optimiser": self.optimiser, "scaler": self.scaler}

    def epoch(self, epoch: int, batches: Iterable[TrainBatch]) -> tuple[float, float, float]:
        """Return the mean loss, the percent classified right, and the last learning rate."""
        self.net.train()
        seen = []
        lr = 0.0
        for step, batch in enumerate(self._timed(batches), start=epoch * self.steps):
            lr = learning_rate(self.spec, step, self.steps)
            with contextlib.suppress(torch.OutOfMemoryError):
                seen.append(self._learn(batch, lr, f"epoch {epoch + 1} at step {step}"))
                continue
            # Nothing of the error is kept here: its traceback would hold what did not fit.
            raise TooLargeError(self._too_large(batch))
        sync_batch_norm.settle(self.net)
        loss, top1 = torch.stack(seen).mean(0).tolist()
        return loss, 100 * top1, lr

    def _timed(self, batches: Iterable[TrainBatch]) -> Iterator[TrainBatch]:
        """Yield batches, and keep how long they took to come."""
        self.waited_s = 0.0
        start = time.monotonic()
        for batch in batches:
            self.waited_s += time.monotonic() - start
            yield batch
            start = time.monotonic()

    def _learn(self, batch: TrainBatch, lr: float, when: str) -> Tensor:
        """Take a step; return the mean loss, and the share classified right."""
        loss, logits = self._gradients(batch)
        hits = (logits.argmax(1) == batch.labels).float().mean()
        seen = distributed.mean(torch.stack([loss, hits.to(loss)]))
        if not torch.isfinite(seen[0]):
            raise NonFiniteLossError(
                f"loss is {seen[0].item()} in {when}, learning rate {lr:.3g}, "
                f"on the videos at {batch.indices.tolist()} of the training list"
            )
        self._step(lr)
        return seen

    def _too_large(self, batch: TrainBatch) -> str:
        """Say what does not fit and, by trying, what would; training is over after that."""
        asked = self._chunk(len(batch.labels))
        said = f"{asked} videos at a time do not fit into {out_of_memory.size(self.device)}"
        if not self.shares_norms:  # otherwise other ranks would have to try as well
            most = out_of_memory.largest(lambda videos: self._fits(batch, videos), below=asked)
            said += f"; {most} would" if most else "; nor would one"
        return f"{said}: ask for a smaller --batch, or for more --gpus-per-trial"

    def _fits(self, batch: TrainBatch, videos: int) -> bool:
        """Try a step on the first videos of a batch, without other ranks."""
        part = _Part(batch.clips[:videos], batch.labels[:videos], batch.indices[:videos])
        with (
            contextlib.suppress(torch.OutOfMemoryError),
            distributed.no_sync(self.called, last=False),
        ):
            self._gradients(part)
            self._step(0.0)
            return True
        return False

    def _chunk(self, videos: int) -> int:
        """Return how many videos of a part go through the network at a time."""
        return min(self.spec.norm_videos or videos, videos)

    def _gradients(self, batch: TrainBatch) -> tuple[Tensor, Tensor]:
        """Run this rank's part of a batch, chunk by chunk; return its mean loss and its logits."""
        self.optimiser.zero_grad()
        size = len(batch.labels)
        chunk = self._chunk(size)
        losses, logits = [], []
        for start in range(0, size, chunk):
            clips, labels = (each[start : start + chunk] for each in (batch.clips, batch.labels))
            with distributed.no_sync(self.called, last=start + chunk >= size):
                with autocast(self.spec.precision, self.device):
                    found = self.called(clips[:, 0])
                found = found.to(torch.promote_types(found.dtype, torch.float32))
                loss = F.cross_entropy(found, labels) * (len(labels) / size)
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
            logits.append(found.detach())
        return torch.stack(losses).sum(), torch.cat(logits)

    def _step(self, lr: float) -> None:
        self.scaler.unscale_(self.optimiser)
        if self.spec.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.spec.clip_grad_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.scaler.step(self.optimiser)
        self.scaler.update()
