"""A network in training with its optimiser and gradient scaler: one epoch of steps.

A step runs its batch in chunks, one after the other, whose videos share batch norm statistics. The
loss of a step is read while the device computes the next one, so that the device never waits.
"""

import contextlib
import gc
import math
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.specs import TrainSpec
from harness.training import out_of_memory, sync_batch_norm
from harness.training.folded_batch_norm import fold_batch_norms
from harness.training.late_result import LateResult
from harness.training.optim import autocast, learning_rate
from harness.training.out_of_memory import DeviceMemoryError
from harness.training.partial_epoch import PartialEpoch
from harness.utils import distributed

State = dict[str, Any]


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
        """Indices into the list of videos (N)."""


class _PartialBatch(NamedTuple):
    """Some videos of a batch."""

    clips: Tensor
    labels: Tensor
    indices: Tensor


class NonFiniteLossError(ArithmeticError):
    """A training loss that is infinite or not a number."""


class Saver(Protocol):
    """Saves within an epoch."""

    def is_due(self) -> bool:
        """Return whether to save soon; only rank 0 says so."""

    def save(self) -> None:
        """Save the state after the finished steps; all ranks call this together."""


class _LaunchedStep:
    """A step that the device may still compute.

    Args:
        result: Mean loss, top-1 share, and above 0 where a save is due.
        batch: Its videos.
        lr: Learning rate.
        when: Epoch and step, in words.
    """

    def __init__(self, result: Tensor, batch: TrainBatch, lr: float, when: str) -> None:
        self._result = LateResult(result)
        self._indices = batch.indices
        self._lr = lr
        self._when = when

    def check(self) -> bool:
        """Refuse a loss that is not finite; return whether a save is due."""
        loss, _, is_due = self._result.read()
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                f"loss is {loss} in {self._when}, learning rate {self._lr:.3g}, "
                f"on the videos at {self._indices.tolist()} of the training list"
            )
        return is_due > 0


class Trainer:
    """The network, its optimiser and its gradient scaler, which change together.

    Args:
        net: Trained in place, on its device.
        spec: Optimiser and schedule.
        steps: Batches in an epoch.
        is_compiled: Train the network as `torch.compile` compiles it.
    """

    def __init__(
        self, net: nn.Module, spec: TrainSpec, *, steps: int, is_compiled: bool = False
    ) -> None:
        self.spec = spec
        self.steps = steps
        self.device = next(net.parameters()).device
        group = distributed.norm_group(spec.batch_videos, spec.norm_videos)
        self.shares_norms = group is not None
        self.net = sync_batch_norm.convert_batch_norms(net, group)
        if self.device.type == "cuda":
            fold_batch_norms(self.net)
            torch.backends.cudnn.benchmark = True  # every batch has the same shape
        trained: Any = torch.compile(self.net, dynamic=False) if is_compiled else self.net
        self.parallel_net = distributed.data_parallel(trained)
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
        """Return the state to resume from."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load(self, state: State) -> None:
        """Restore a state."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        return {"net": self.net, "optimiser": self.optimiser, "scaler": self.scaler}

    def epoch(
        self, partial: PartialEpoch, batches: Iterable[TrainBatch], saver: Saver | None = None
    ) -> tuple[float, float, float]:
        """Finish an epoch; return mean loss, top-1 accuracy in percent, last learning rate.

        Args:
            partial: The epoch, with the steps that are finished.
            batches: Those of the other steps.
            saver: Saves between two steps; None for none.
        """
        self.net.train()
        lr, last = 0.0, None
        for batch in self._timed(batches, partial):
            step = partial.index * self.steps + partial.steps
            lr = learning_rate(self.spec, step, self.steps)
            result = self._step(batch, lr, is_due=saver is not None and saver.is_due())
            partial.results.append(result[:2])
            launched = _LaunchedStep(result, batch, lr, f"epoch {partial.index + 1} at step {step}")
            is_due = last is not None and last.check()
            if saver is not None and is_due and partial.steps < self.steps:
                launched.check()
                saver.save()
            last = launched
        if last is not None:
            last.check()
        sync_batch_norm.average_running_stats(self.net)
        loss, top1 = torch.stack(partial.results).mean(0).tolist()
        return loss, 100 * top1, lr

    def _timed(self, batches: Iterable[TrainBatch], partial: PartialEpoch) -> Iterator[TrainBatch]:
        """Yield batches, and add up the time spent waiting for them."""
        start = time.monotonic()
        for batch in batches:
            partial.waited_s += time.monotonic() - start
            yield batch
            start = time.monotonic()

    def _step(self, batch: TrainBatch, lr: float, *, is_due: bool) -> Tensor:
        """Launch a step; return mean loss, top-1 share and share of `is_due` over all ranks."""
        with contextlib.suppress(torch.OutOfMemoryError):
            loss, logits = self._backward(batch)
            hits = (logits.argmax(1) == batch.labels).float().mean()
            due = torch.full_like(loss, float(is_due))
            result = distributed.mean(torch.stack([loss, hits.to(loss), due]))
            self._update(lr)
            return result
        # Raised outside of the handler: the traceback would keep the tensors alive.
        raise DeviceMemoryError(self._memory_message(batch))

    def _memory_message(self, batch: TrainBatch) -> str:
        """Return an error message with the number of videos that would fit, found by trying.

        Training cannot go on after that: a wrapper of ranks whose backward pass broke off takes no
        other, so that sizes are tried on the network itself.
        """
        self.parallel_net = self.net
        gc.collect()  # of the wrapper, whose hooks would wait for other ranks
        videos = self._chunk_videos(len(batch.labels))
        memory = out_of_memory.describe_memory(self.device)
        message = f"{videos} videos at a time do not fit into {memory}"
        if not self.shares_norms:  # otherwise other ranks would have to try as well
            largest = out_of_memory.largest_fit(lambda n: self._fits(batch, n), below=videos)
            message += f"; {largest} would" if largest else "; nor would one"
        return f"{message}: pass a smaller --batch or more --gpus-per-trial"

    def _fits(self, batch: TrainBatch, videos: int) -> bool:
        """Try a step on the first videos of a batch, without other ranks."""
        part = _PartialBatch(batch.clips[:videos], batch.labels[:videos], batch.indices[:videos])
        self.optimiser.zero_grad()
        out_of_memory.release(self.device)
        with contextlib.suppress(torch.OutOfMemoryError):
            self._backward(part)
            self._update(0.0)
            return True
        return False

    def _chunk_videos(self, videos: int) -> int:
        """Return the number of videos in one pass of the network."""
        return min(self.spec.norm_videos or videos, videos)

    def _backward(self, batch: TrainBatch) -> tuple[Tensor, Tensor]:
        """Accumulate gradients over the chunks of a batch; return mean loss and logits."""
        self.optimiser.zero_grad()
        size = len(batch.labels)
        chunk = self._chunk_videos(size)
        losses, chunk_logits = [], []
        for start in range(0, size, chunk):
            clips = batch.clips[start : start + chunk]
            labels = batch.labels[start : start + chunk]
            with distributed.no_sync(self.parallel_net, last=start + chunk >= size):
                with autocast(self.spec.precision, self.device):
                    logits = self.parallel_net(clips[:, 0])
                logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
                loss = F.cross_entropy(logits, labels) * (len(labels) / size)
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
            chunk_logits.append(logits.detach())
        return torch.stack(losses).sum(), torch.cat(chunk_logits)

    def _update(self, lr: float) -> None:
        """Clip gradients and update the weights."""
        self.scaler.unscale_(self.optimiser)
        if self.spec.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.spec.clip_grad_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.scaler.step(self.optimiser)
        self.scaler.update()
