"""Insertion of modules into chosen blocks of a network."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from torch import nn

from harness.zoo.layers.residual import STAGES, Block


@runtime_checkable
class Insertable(Protocol):
    """A network whose blocks take modules."""

    def stage(self, name: str) -> list[Block]:
        """Return the blocks of `res2` ... `res5`."""


def insert(
    net: Insertable,
    make: Callable[[int], nn.Module],
    *,
    position: str,
    blocks: Mapping[str, tuple[int, ...]],
) -> None:
    """Give each of the named blocks a module of its own, after the backbone was initialised.

    Args:
        net: Changed in place.
        make: Channel count to module.
        position: `before_conv1`, `after_conv1`, `after_conv2`, `after_conv3` or `after_block`.
        blocks: Stage name to block indices.

    Raises:
        ValueError: If a stage, block or position does not exist in this network, or a module
            stands there already.
    """
    for stage, indices in blocks.items():
        for index in indices:
            block = _block(net, stage, index)
            if position not in block.channels_at:
                allowed = ", ".join(block.channels_at)
                raise ValueError(f"no position {position!r} in this block; there are {allowed}")
            if position in block.slots:
                taken = f"{type(block.slots[position]).__name__} already stands at {position}"
                raise ValueError(f"{taken} of {stage}[{index}]; a position holds one module")
            block.slots[position] = make(block.channels_at[position])


def _block(net: Insertable, stage: str, index: int) -> Block:
    if stage not in STAGES:
        raise ValueError(f"no stage {stage!r}; there are {', '.join(STAGES)}")
    depth = len(net.stage(stage))
    if not 0 <= index < depth:
        raise ValueError(f"{stage} has blocks 0 to {depth - 1}; got {index}")
    return net.stage(stage)[index]
