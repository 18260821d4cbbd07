"""Weights of the released V4D.

Source: checked against github.com/msight-tech/research-v4d bb887d5 (names and shapes only).
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.specs import STAGES
from harness.zoo.checkpoints.family import (
    CheckpointLayout,
    module_blocks,
    read_trunk,
    shape_of,
    zoo_names,
)
from harness.zoo.checkpoints.rename import Rules
from harness.zoo.checkpoints.torchvision import TORCHVISION

V4D: Rules = {
    r"^module\.": "",
    r"^base_model\.": "",
    r"^new_fc\.": "fc.",
    **TORCHVISION,
}


def v4d(tensors: Mapping[str, Tensor], *, num_snippets: int = 4) -> CheckpointLayout:
    """Return the layout of a V4D, which lists each 4D convolution behind the block it follows.

    Args:
        tensors: By official name.
        num_snippets: U in training. Not in the weights, as the kernel slides along U; the network
            runs with any other number too.
    """
    names = _renumber_blocks(zoo_names(tensors, V4D))
    spec, blocks = read_trunk(names, tensors), module_blocks(names)
    if not blocks:
        return CheckpointLayout(names=names, spec=spec)
    shape = shape_of(names, tensors, ".after_block.weight")
    kernel = (shape[0], *shape[3:]) if len(shape) == 6 else (*shape[2:4], 1, 1)
    spec = replace(
        spec,
        module="v4d",
        module_options={"kernel": kernel},
        position="after_block",
        blocks=blocks,
    )
    return CheckpointLayout(names=names, spec=spec, num_snippets=num_snippets)


def _renumber_blocks(names: Mapping[str, str]) -> dict[str, str]:
    """Number residual blocks only, and put each 4D convolution into the block before it."""
    convs_4d = [name.removesuffix(".tsa.weight") for name in names if name.endswith(".tsa.weight")]
    renumbered: dict[str, str] = {}
    for name, source in names.items():
        stage, index, rest = (*name.split(".", 2), "", "")[:3]
        if index.isdigit() and stage in STAGES:
            number = int(index) - sum(f"{stage}.{i}" in convs_4d for i in range(int(index)))
            if rest == "tsa.weight":
                number, rest = number - 1, "slots.after_block.weight"
            name = f"{stage}.{number}.{rest}"
        renumbered[name] = source
    return renumbered
