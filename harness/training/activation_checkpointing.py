"""Activation checkpointing: blocks that are computed again in the backward pass.

Only the input of a block is kept. It changes no number: dropout draws the same values again, and
running averages are updated in the first pass alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from harness.specs import STAGES


def recompute_blocks(net: nn.Module) -> None:
    """Make every block of a network keep its input alone in training.

    Args:
        net: With a method `stage` that returns the blocks of `res2` ... `res5`.

    Raises:
        ValueError: If the network has no such stages.
    """
    stage = getattr(net, "stage", None)
    if stage is None:
        raise ValueError(
            f"{type(net).__name__} has no stages of blocks to compute again; "
            "run it without --activation-checkpointing"
        )
    for name in STAGES:
        for block in stage(name):
            setattr(block, "forward", _Recomputed(block))  # noqa: B010 -- a method of one module


class _Recomputed:
    """The forward pass of one block, which runs once more in the backward pass."""

    def __init__(self, block: nn.Module) -> None:
        self._block = block
        self._forward: Callable[..., Any] = block.forward

    def __call__(self, *args: Any) -> Any:
        if not (self._block.training and torch.is_grad_enabled()):
            return self._forward(*args)
        return checkpoint(
            self._forward,
            *args,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), _running_stats_kept(self._block)),
        )


@contextmanager
def _running_stats_kept(block: nn.Module) -> Iterator[None]:
    """Keep the running averages of a block as they are; it saves the same tensors as otherwise."""
    norms = [layer for layer in block.modules() if isinstance(layer, _BatchNorm)]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
