"""Batch norm over the videos of several ranks.

Source: Ioffe and Szegedy 2015, with the sums taken over all ranks of a group; the gradient is that
of the same formula. On a GPU this is `torch.nn.SyncBatchNorm`, which has no form for a CPU.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from harness.utils import distributed


def share(net: nn.Module, group: dist.ProcessGroup | None) -> nn.Module:
    """Let every batch norm of a network see the videos of a group of ranks; None leaves it."""
    if group is None:
        return net
    if next(net.parameters()).is_cuda:
        convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
        converted: nn.Module = convert(net, group)
        return converted
    for norm in [each for each in net.modules() if isinstance(each, _BatchNorm)]:
        setattr(norm, "forward", _Shared(norm, group))  # noqa: B010 -- a method of one module
    return net


def settle(net: nn.Module) -> None:
    """Give all ranks the mean of their running averages, so that they score with one network."""
    distributed.average([each for each in net.buffers() if each.is_floating_point()])


class _Shared:
    """The forward pass of one batch norm over a group; ranks hold equally many values."""

    def __init__(self, norm: _BatchNorm, group: dist.ProcessGroup) -> None:
        self.norm = norm
        self.group = group
        self.alone = type(norm).forward

    def __call__(self, x: Tensor) -> Tensor:
        if not self.norm.training:
            scored: Tensor = self.alone(self.norm, x)
            return scored
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        size = x.numel() // x.shape[1] * self.group.size()
        mean = self._sum(wide) / size
        centred = wide - _along(mean, x)
        variance = self._sum(centred.square()) / size
        self._remember(mean.detach(), variance.detach() * size / (size - 1))
        y = centred * _along(torch.rsqrt(variance + self.norm.eps), x)
        return (y * _along(self.norm.weight, x) + _along(self.norm.bias, x)).to(x.dtype)

    def _sum(self, x: Tensor) -> Tensor:
        """Sum over all but channels, and over the group."""
        reduce: Any = all_reduce
        total: Tensor = reduce(
            x.sum([axis for axis in range(x.dim()) if axis != 1]), group=self.group
        )
        return total

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        norm, momentum = self.norm, self.norm.momentum
        assert momentum is not None
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked += 1
        norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), momentum)
        norm.running_var.lerp_(variance.to(norm.running_var.dtype), momentum)


def _along(values: Tensor, x: Tensor) -> Tensor:
    """Stretch one value per channel over a tensor whose second axis is channels."""
    return values.view(1, -1, *[1] * (x.dim() - 2))
