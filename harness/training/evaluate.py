"""Evaluation: logits or probabilities averaged over views, each video counted once.

The choice matters most for average precision, which compares the scores of a class across videos:
probabilities have one scale for all videos, logits need not. The slides do not say which were
averaged; the released code averages logits.

Axes: N videos, V views, K classes.
"""

import contextlib
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from harness.specs import Average
from harness.training.optim import autocast
from harness.training.out_of_memory import DeviceMemoryError, describe_memory, release
from harness.training.view_limit import MAX_ELEMENTS, ViewLimit
from harness.utils import distributed


class TestBatch(Protocol):
    """A batch with every view of its videos."""

    @property
    def clips(self) -> Tensor:
        """All views, (N V U C T H W)."""

    @property
    def indices(self) -> Tensor:
        """Indices into the list of videos (N)."""


@torch.inference_mode()
def score(
    net: nn.Module,
    batches: Iterable[TestBatch],
    *,
    num_videos: int,
    precision: str,
    average: Average = "logits",
    limit: ViewLimit | None = None,
) -> Float[np.ndarray, "N K"]:
    """Return the averaged scores of every video, in the order of the list.

    Args:
        net: From clips to video-level logits.
        batches: Clips (N V U C T H W) and the indices of their videos in the list.
        num_videos: Length of the list.
        precision: Element type of autocast.
        average: Quantity that is averaged over views.
        limit: Views at a time; None for a whole batch, where memory suffices.

    Raises:
        ValueError: If a video was scored twice or not at all, as any number would be wrong.
        DeviceMemoryError: If the device has too little memory for one view.
    """
    limit = limit or ViewLimit(views=MAX_ELEMENTS)
    indices, rows = [], []
    for batch in batches:
        rows.append(_average(score_views(net, batch, precision, limit), average).cpu())
        indices += batch.indices.tolist()
    indices, rows = distributed.gather(indices), distributed.gather(rows)
    if sorted(indices) != list(range(num_videos)):
        raise ValueError(
            f"{len(indices)} scores of {len(set(indices))} videos, not one of each of {num_videos}"
        )
    return torch.cat(rows)[np.argsort(indices)].numpy()


def _average(logits: Float[Tensor, "N V K"], average: Average) -> Float[Tensor, "N K"]:
    """Average the scores of views; `top3` keeps the three highest of each class."""
    scores = logits if average == "logits" else logits.softmax(2)
    if average == "top3":
        scores = scores.topk(min(3, scores.shape[1]), dim=1).values
    return scores.mean(1)


@torch.inference_mode()
def score_views(
    net: nn.Module, batch: TestBatch, precision: str, limit: ViewLimit
) -> Float[Tensor, "N V K"]:
    """Return the logits of every view of a batch, scored as many at a time as memory allows.

    Raises:
        DeviceMemoryError: If the device has too little memory for one view.
    """
    net.eval()
    num_videos, num_views = batch.clips.shape[:2]
    clips = rearrange(batch.clips, "n v u c t h w -> (n v) u c t h w")
    while True:
        with contextlib.suppress(torch.OutOfMemoryError):
            parts = [_logits(net, part, precision) for part in torch.split(clips, limit.views)]
            return rearrange(torch.cat(parts), "(n v) k -> n v k", n=num_videos, v=num_views)
        _halve(limit, clips)


def _halve(limit: ViewLimit, clips: Tensor) -> None:
    """Halve the views at a time after memory did not suffice for those of a batch."""
    tried = min(limit.views, len(clips))
    if tried == 1:
        raise DeviceMemoryError(
            f"not even one test view fits into {describe_memory(clips.device)}: choose a device "
            "with more memory, or pass a smaller --crop"
        )
    limit.views = tried // 2
    release(clips.device)


def _logits(
    net: nn.Module, clips: Float[Tensor, "N U C T H W"], precision: str
) -> Float[Tensor, "N K"]:
    with autocast(precision, clips.device):
        return net(clips).float()  # type: ignore[no-any-return]
