"""Evaluation: logits or probabilities averaged over views, each video counted once.

The choice matters most for average precision, which compares the scores of a class across videos:
probabilities have one scale for all videos, logits need not. The paper does not state which it
averaged; the released code averages logits.

Axes: N videos, V views, K classes.
"""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from harness.specs import Average
from harness.training.optim import autocast
from harness.training.out_of_memory import DeviceMemoryError, describe_memory
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
) -> Float[np.ndarray, "N K"]:
    """Return the averaged scores of every video, in the order of the list.

    Args:
        net: From clips to video-level logits.
        batches: Clips (N V U C T H W) and the indices of their videos in the list.
        num_videos: Length of the list.
        precision: Element type of autocast.
        average: Quantity that is averaged over views.

    Raises:
        ValueError: If a video was scored twice or not at all, as any number would be wrong.
        TooLargeError: If the device has too little memory for a batch.
    """
    net.eval()
    indices, rows = [], []
    for batch in batches:
        num_views = batch.clips.shape[1]
        logits = _logits(net, rearrange(batch.clips, "n v u c t h w -> (n v) u c t h w"), precision)
        views = rearrange(logits, "(n v) k -> n v k", v=num_views)
        rows.append(_average(views, average).cpu())
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


def _logits(
    net: nn.Module, clips: Float[Tensor, "N U C T H W"], precision: str
) -> Float[Tensor, "N K"]:
    try:
        with autocast(precision, clips.device):
            return net(clips).float()  # type: ignore[no-any-return]
    except torch.OutOfMemoryError:
        raise DeviceMemoryError(
            f"{len(clips)} test views at a time do not fit into {describe_memory(clips.device)}: "
            "pass a smaller --batch or more --gpus-per-trial"
        ) from None
