"""Batch norm over the videos of several ranks.

Source: Ioffe and Szegedy 2015, with sums over all ranks of a group; autograd differentiates the
same formula. On a GPU the layers are `torch.nn.SyncBatchNorm`, which does not support CPUs, and
`normalise_shared` runs its kernels in training.
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


def normalise_shared(norm: nn.SyncBatchNorm, x: Tensor) -> Tensor:
    """Normalise this rank's part of a batch on a GPU by the statistics of the whole, in training.

    Ranks have equal parts, so that nothing is asked of the device. PyTorch's own layer reads the
    sizes of the parts, which stops the GPU in every layer (https://github.com/pytorch/pytorch/issues/78549).
    """
    momentum = norm.momentum
    assert momentum is not None
    if norm.num_batches_tracked is not None:  # else a second pass, for the gradient alone
        norm.num_batches_tracked += 1
    normalised: Tensor = _Shared.apply(_dense(x), norm.weight, norm.bias, norm, momentum)
    return normalised


def average_running_stats(net: nn.Module) -> None:
    """Set running averages to their mean over ranks, so that all ranks score one network."""
    distributed.average([buffer for buffer in net.buffers() if buffer.is_floating_point()])


class _Shared(torch.autograd.Function):
    """The kernels of `torch.nn.SyncBatchNorm`, for equal parts of a batch.

    Source: `torch/nn/modules/_functions.py` of PyTorch 2.15.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, norm: nn.SyncBatchNorm, momentum: float
    ) -> Tensor:
        """Normalise by the means and deviations of all parts, and update the running averages."""
        channels, ctx.group = x.shape[1], norm.process_group
        part = torch.cat(torch.batch_norm_stats(x, norm.eps))
        parts = [torch.empty_like(part) for _ in range(ctx.group.size())]
        dist.all_gather(parts, part, ctx.group)
        means, deviations = torch.stack(parts).view(-1, 2, channels).unbind(1)
        counts = torch.full_like(means[:, 0], x.numel() // channels)
        mean, inverse_std = torch.batch_norm_gather_stats_with_counts(
            x, means, deviations, norm.running_mean, norm.running_var, momentum, norm.eps, counts
        )
        ctx.save_for_backward(x, weight, mean, inverse_std, counts.to(torch.int32))
        return torch.batch_norm_elemt(x, weight, bias, mean, inverse_std, norm.eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the part and of this rank's weight and bias."""
        x, weight, mean, inverse_std, counts = ctx.saved_tensors
        dy = _dense(gradients[0])
        *sums, of_weight, of_bias = torch.batch_norm_backward_reduce(
            dy, x, mean, inverse_std, weight, *ctx.needs_input_grad[:3]
        )
        total = torch.cat(sums)
        dist.all_reduce(total, group=ctx.group)
        backward_elemt: Any = torch.batch_norm_backward_elemt
        of_x = backward_elemt(dy, x, mean, inverse_std, weight, *total.chunk(2), counts)
        return of_x, of_weight, of_bias, None, None


def _dense(x: Tensor) -> Tensor:
    """Return a tensor in one of the two orders of memory that the kernels know."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    is_last = x.dim() in formats and x.is_contiguous(memory_format=formats[x.dim()])
    return x if is_last else x.contiguous()


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
