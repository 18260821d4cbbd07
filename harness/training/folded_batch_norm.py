"""Batch norm of clips that a GPU computes as one of pictures.

PyTorch has tuned kernels for channels-last tensors of four axes only: for five it takes a generic
reduction. Statistics over (N T, H, W) are those over (N, T, H, W).

Axes: N clips, C channels, T frames, H x W pixels.
"""

from collections.abc import Mapping
from functools import partial

import torch
from einops import rearrange
from torch import Tensor, nn

from harness.training.sync_batch_norm import normalise_shared


class FoldedBatchNorm3d(nn.BatchNorm3d):
    """Batch norm over frames as a batch of pictures, where that is a view of the clips."""

    def forward(self, x: Tensor) -> Tensor:
        if not _is_view(x):
            return super().forward(x)
        return _unfold(super().forward(_fold(x)), x)

    def _check_input_dim(self, x: Tensor) -> None:
        if x.dim() not in (4, 5):
            raise ValueError(f"expected 5 axes, or 4 when folded; got {x.dim()}")


class FoldedSyncBatchNorm(nn.SyncBatchNorm):
    """The same over the clips of several ranks."""

    def forward(self, x: Tensor) -> Tensor:
        forward = partial(normalise_shared, self) if self.training else super().forward
        return _unfold(forward(_fold(x)), x) if _is_view(x) else forward(x)


_FOLDED: Mapping[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm3d: FoldedBatchNorm3d,
    nn.SyncBatchNorm: FoldedSyncBatchNorm,
}


def fold_batch_norms(net: nn.Module) -> None:
    """Make the batch norms of a network fold time; parameters and names stay."""
    for layer in net.modules():
        folded = _FOLDED.get(type(layer))
        if folded is not None:
            layer.__class__ = folded


def _is_view(x: Tensor) -> bool:
    """Return whether clips are channels-last in memory, so that folding them copies nothing."""
    return (
        x.dim() == 5
        and x.is_contiguous(memory_format=torch.channels_last_3d)
        and not x.is_contiguous()
    )


def _fold(x: Tensor) -> Tensor:
    return rearrange(x, "n c t h w -> (n t) c h w")


def _unfold(y: Tensor, x: Tensor) -> Tensor:
    return rearrange(y, "(n t) c h w -> n c t h w", t=x.shape[2])
