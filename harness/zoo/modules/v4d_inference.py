"""V4D's inference on more snippets than in training: one unit of each section at a time.

Axes: N videos, U snippets ("units" here, in V4D's words), C channels, T frames, H x W pixels, K
classes; NU means N and U folded.
Source: Zhang et al. 2020, arXiv 2002.07442, algorithm 1. If the units do not divide evenly, the
middle sections take the rest, as in the released code: 10 units in 4 sections are 2, 3, 3, 2.
"""

from itertools import pairwise, product

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from harness.zoo.backbones.residual.resnet import ResNet
from harness.zoo.layers.residual import Block


def divide_units(num_units: int, num_snippets: int) -> tuple[range, ...]:
    """Divide units, in order, into one section for each training snippet.

    Args:
        num_units: U at inference.
        num_snippets: U in training.

    Raises:
        ValueError: If a section would be empty.
    """
    if num_units < num_snippets:
        raise ValueError(f"{num_units} units are too few for {num_snippets} sections")
    bounds = [_bound(index, num_units, num_snippets) for index in range(num_snippets + 1)]
    return tuple(range(*pair) for pair in pairwise(bounds))


def _bound(index: int, num_units: int, num_snippets: int) -> int:
    """Round index x units / snippets to the nearest integer, a tie away from the middle."""
    if 2 * index > num_snippets:
        return num_units - _bound(num_snippets - index, num_units, num_snippets)
    return (2 * index * num_units + num_snippets - 1) // (2 * num_snippets)


def unit_combinations(num_units: int, num_snippets: int) -> list[tuple[int, ...]]:
    """Return every choice of one unit per section, in order."""
    return list(product(*divide_units(num_units, num_snippets)))


def sectioned_inference(
    net: ResNet, x: Float[Tensor, "N U 3 T H W"], *, num_snippets: int
) -> Float[Tensor, "N K"]:
    """Return the mean logits over all combinations of units.

    All layers before the first block that mixes snippets run once, on all units; the others run
    on every combination.

    Args:
        net: A network trained with `num_snippets`.
        x: Clips with at least as many units.
        num_snippets: U in training.

    Raises:
        ValueError: If there are fewer units than snippets.
    """
    num_units, blocks = x.shape[1], net.blocks()
    choices = unit_combinations(num_units, num_snippets)
    first = next((i for i, block in enumerate(blocks) if block.slots.mix_snippets), len(blocks))
    y = _run_blocks(blocks[:first], net.start(x), num_units)
    y = rearrange(y, "(n u) c t h w -> n u c t h w", u=num_units)
    logits = [_classify(net, blocks[first:], y[:, list(units)]) for units in choices]
    return torch.stack(logits).mean(0)


def _classify(net: ResNet, blocks: list[Block], y: Float[Tensor, "N U C T H W"]) -> Tensor:
    folded = rearrange(y, "n u c t h w -> (n u) c t h w")
    return net.classify(_run_blocks(blocks, folded, y.shape[1]), y.shape[1])


def _run_blocks(blocks: list[Block], y: Tensor, num_snippets: int) -> Tensor:
    for block in blocks:
        y = block(y, num_snippets)
    return y
