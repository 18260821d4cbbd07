"""Weights of the released V4D.

Checked against github.com/msight-tech/research-v4d bb887d5 (names and shapes only).
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.zoo.checkpoints.family import CheckpointLayout, module_blocks, zoo_names, shape_of, read_trunk
from harness.zoo.checkpoints.rename import Rules
from harness.zoo.checkpoints.torchvision import TORCHVISION
from harness.zoo.layers.residual import STAGES

V4D: Rules = {
    r"^module\.": "",
    r"^base_model\.": "",
    r"^new_fc\.": "fc.",
    **TORCHVISION,
}


def v4d(tensors: Mapping[str, Tensor], *, num_snippets: int = 4) -> CheckpointLayout:
    """Read V4D; its 4D convolutions stand in the list of blocks, each behind the one it follows.

    Args:
        tensors: By official name.
        num_snippets: U in training; the kernel slides along U and does not tell. The network runs
            with any other number too.
    """
    names = _without_4d_in_the_count(zoo_names(tensors, V4D))
    spec, places = read_trunk(names, tensors), module_blocks(names)
    if not places:
        return CheckpointLayout(names=names, spec=spec)
    shape = shape_of(names, tensors, ".after_block.weight")
    kernel = (shape[0], *shape[3:]) if len(shape) == 6 else (*shape[2:4], 1, 1)
    spec = replace(
        spec,
        module="v4d",
        module_options={"kernel": kernel},
        position="after_block",
        blocks=places,
    )
    return CheckpointLayout(names=names, spec=spec, num_snippets=num_snippets)


def _without_4d_in_the_count(names: Mapping[str, str]) -> dict[str, str]:
    """Count blocks alone, and put each 4D convolution into the block before it."""
    taken = [name.removesuffix(".tsa.weight") for name in names if name.endswith(".tsa.weight")]
    counted: dict[str, str] = {}
    for name, theirs in names.items():
        stage, index, rest = (*name.split(".", 2), "", "")[:3]
        if index.isdigit() and stage in STAGES:
            number = int(index) - sum(f"{stage}.{i}" in taken for i in range(int(index)))
            if rest == "tsa.weight":
                number, rest = number - 1, "slots.after_block.weight"
            name = f"{stage}.{number}.{rest}"
        counted[name] = theirs
    return counted
