"""Batch norm over the videos of several ranks.

Source: Ioffe and Szegedy 2015, with sums over all ranks of a group; autograd differentiates the
same formula. On a GPU this is `torch.nn.SyncBatchNorm`, which does not support CPUs.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from harness.utils import distributed


def convert_batch_norms(net: nn.Module, group: dist.ProcessGroup | None) -> nn.Module:
    """Make every batch norm of a network use the videos of a group of ranks; None changes none."""
    if group is None:
        return net
    if next(net.parameters()).is_cuda:
        convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
        converted: nn.Module = convert(net, group)
        return converted
    for norm in [layer for layer in net.modules() if isinstance(layer, _BatchNorm)]:
        setattr(norm, "forward", _GroupBatchNorm(norm, group))  # noqa: B010 -- a method of one module
    return net


def average_running_stats(net: nn.Module) -> None:
    """Set running averages to their mean over ranks, so that all ranks score one network."""
    distributed.average([buffer for buffer in net.buffers() if buffer.is_floating_point()])


class _GroupBatchNorm:
    """The forward pass of one batch norm over a group; ranks hold equally many values."""

    def __init__(self, norm: _BatchNorm, group: dist.ProcessGroup) -> None:
        self.norm = norm
        self.group = group
        self.local_forward = type(norm).forward

    def __call__(self, x: Tensor) -> Tensor:
        if not self.norm.training:
            normalised: Tensor = self.local_forward(self.norm, x)
            return normalised
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        size = x.numel() // x.shape[1] * self.group.size()
        mean = self._sum(wide) / size
        centred = wide - _per_channel(mean, x)
        variance = self._sum(centred.square()) / size
        self._update_running_stats(mean.detach(), variance.detach() * size / (size - 1))
        y = centred * _per_channel(torch.rsqrt(variance + self.norm.eps), x)
        return (y * _per_channel(self.norm.weight, x) + _per_channel(self.norm.bias, x)).to(x.dtype)

    def _sum(self, x: Tensor) -> Tensor:
        """Sum over all axes but channels, and over the group."""
        reduce: Any = all_reduce
        total: Tensor = reduce(
            x.sum([axis for axis in range(x.dim()) if axis != 1]), group=self.group
        )
        return total

    @torch.no_grad()
    def _update_running_stats(self, mean: Tensor, variance: Tensor) -> None:
        norm, momentum = self.norm, self.norm.momentum
        assert momentum is not None
        assert norm.running_mean is not None
        assert norm.running_var is not None
        if norm.num_batches_tracked is None:  # a second pass, for the gradient alone
            return
        norm.num_batches_tracked += 1
        norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), momentum)
        norm.running_var.lerp_(variance.to(norm.running_var.dtype), momentum)


def _per_channel(values: Tensor, x: Tensor) -> Tensor:
    """Return one value per channel in a shape that broadcasts over the channel axis of `x`."""
    return values.view(1, -1, *[1] * (x.dim() - 2))
