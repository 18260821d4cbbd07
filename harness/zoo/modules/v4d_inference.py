"""V4D's inference with more snippets than in training: sections, and one unit of each.

Axes: N videos, U snippets ("units" here, in V4D's words), C channels, T frames, H x W pixels, K
classes; NU means N and U folded.
Source: Zhang et al. 2020, arXiv 2002.07442, algorithm 1. Where the units do not divide evenly, the
middle sections take the rest, as in the released code: 10 units in 4 sections are 2, 3, 3, 2.
"""

from itertools import pairwise, product

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from harness.zoo.backbones.resnet import ResNet
from harness.zoo.layers.residual import Block


def sections(num_units: int, num_snippets: int) -> tuple[range, ...]:
    """Divide units, in order, into one section per snippet of training.

    Args:
        num_units: U at inference.
        num_snippets: U in training.

    Raises:
        ValueError: If a section would be empty.
    """
    if num_units < num_snippets:
        raise ValueError(f"{num_units} units leave some of {num_snippets} sections empty")
    ends = [_end(index, num_units, num_snippets) for index in range(num_snippets + 1)]
    return tuple(range(*pair) for pair in pairwise(ends))


def _end(index: int, num_units: int, num_snippets: int) -> int:
    """Round index x units / snippets to the nearest whole, a tie away from the middle."""
    if 2 * index > num_snippets:
        return num_units - _end(num_snippets - index, num_units, num_snippets)
    return (2 * index * num_units + num_snippets - 1) // (2 * num_snippets)


def combinations(num_units: int, num_snippets: int) -> list[tuple[int, ...]]:
    """List every choice of one unit per section, in order."""
    return list(product(*sections(num_units, num_snippets)))


def sectioned(
    net: ResNet, x: Float[Tensor, "N U 3 T H W"], *, num_snippets: int
) -> Float[Tensor, "N K"]:
    """Average the logits of every combination of units.

    What stands before the first block that mixes snippets runs once, on all units; that block and
    what follows runs on every combination.

    Args:
        net: A network that was trained with `num_snippets`.
        x: Clips with at least as many units.
        num_snippets: U in training.

    Raises:
        ValueError: If there are fewer units than snippets.
    """
    num_units, blocks = x.shape[1], net.blocks()
    chosen = combinations(num_units, num_snippets)
    first = next((i for i, block in enumerate(blocks) if block.mixes_snippets), len(blocks))
    y = _run(blocks[:first], net.start(x), num_units)
    y = rearrange(y, "(n u) c t h w -> n u c t h w", u=num_units)
    logits = [_finish(net, blocks[first:], y[:, list(units)]) for units in chosen]
    return torch.stack(logits).mean(0)


def _finish(net: ResNet, blocks: list[Block], y: Float[Tensor, "N U C T H W"]) -> Tensor:
    folded = rearrange(y, "n u c t h w -> (n u) c t h w")
    return net.classify(_run(blocks, folded, y.shape[1]), y.shape[1])


def _run(blocks: list[Block], y: Tensor, num_snippets: int) -> Tensor:
    for block in blocks:
        y = block(y, num_snippets)
    return y
