"""Insertion of modules into chosen blocks of a network."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from torch import nn

from harness.zoo.layers.residual import STAGES, Block


@runtime_checkable
class Insertable(Protocol):
    """A network with stages of residual blocks, into which modules can be inserted."""

    def stage(self, name: str) -> list[Block]:
        """Return the blocks of `res2` ... `res5`."""


def insert(
    net: Insertable,
    make_module: Callable[[int], nn.Module],
    *,
    position: str,
    blocks: Mapping[str, tuple[int, ...]],
) -> None:
    """Insert a new module into each of the named blocks of an initialised backbone.

    Args:
        net: Changed in place.
        make_module: Builds a module from its number of channels.
        position: `before_conv1`, `after_conv1`, `after_conv2`, `after_conv3` or `after_block`.
        blocks: Stage name to block indices.

    Raises:
        ValueError: If the network lacks a stage, block or position, or if the position already
            holds a module.
    """
    for stage, indices in blocks.items():
        for index in indices:
            block = _block(net, stage, index)
            if position not in block.channels_at:
                allowed = ", ".join(block.channels_at)
                raise ValueError(f"{stage}[{index}] has no position {position!r}, only {allowed}")
            if position in block.slots:
                occupant = type(block.slots[position]).__name__
                raise ValueError(
                    f"{position} of {stage}[{index}] already holds {occupant}; "
                    "a position holds one module, so choose another one"
                )
            block.slots[position] = make_module(block.channels_at[position])


def _block(net: Insertable, stage: str, index: int) -> Block:
    if stage not in STAGES:
        raise ValueError(f"unknown stage {stage!r}; the stages are {', '.join(STAGES)}")
    depth = len(net.stage(stage))
    if not 0 <= index < depth:
        raise ValueError(f"{stage} has no block {index}, only blocks 0 to {depth - 1}")
    return net.stage(stage)[index]
