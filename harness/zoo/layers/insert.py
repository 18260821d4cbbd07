"""Insertion of modules into chosen blocks of a network."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch import nn

from harness.specs import STAGES
from harness.zoo.layers.slots import Slots


@runtime_checkable
class Slotted(Protocol):
    """A block with slots."""

    slots: Slots


@runtime_checkable
class Insertable(Protocol):
    """A network with stages of blocks, into which modules can be inserted."""

    def stage(self, name: str) -> Sequence[Slotted]:
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
            slots = _block(net, stage, index).slots
            if position not in slots.channels_at:
                allowed = ", ".join(slots.channels_at)
                raise ValueError(f"{stage}[{index}] has no position {position!r}, only {allowed}")
            if position in slots:
                occupant = type(slots[position]).__name__
                raise ValueError(
                    f"{position} of {stage}[{index}] already holds {occupant}; "
                    "a position holds one module, so choose another one"
                )
            slots[position] = make_module(slots.channels_at[position])


def every_block(net: Insertable, *, step: int = 1) -> dict[str, tuple[int, ...]]:
    """Return the indices of all blocks by stage, or of every second one with a step of two."""
    return {stage: tuple(range(0, len(net.stage(stage)), step)) for stage in STAGES}


def _block(net: Insertable, stage: str, index: int) -> Slotted:
    if stage not in STAGES:
        raise ValueError(f"unknown stage {stage!r}; the stages are {', '.join(STAGES)}")
    depth = len(net.stage(stage))
    if not 0 <= index < depth:
        raise ValueError(f"{stage} has no block {index}, only blocks 0 to {depth - 1}")
    return net.stage(stage)[index]
