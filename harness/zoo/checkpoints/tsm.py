"""Weights of the released TSM.

Source: checked against github.com/mit-han-lab/temporal-shift-module 1f6a834.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.specs import ModelSpec
from harness.zoo.backbones.residual.tsm import shift_step
from harness.zoo.checkpoints.family import (
    CheckpointLayout,
    module_blocks,
    read_depths,
    read_trunk,
    zoo_names,
)
from harness.zoo.checkpoints.rename import Rules, rename
from harness.zoo.checkpoints.v4d import V4D

NON_LOCAL: Rules = {
    r"\.block\.": ".",
    r"\.nl\.(g|phi)\.0\.": r".slots.after_block.\1.",
    r"\.nl\.theta\.": ".slots.after_block.theta.",
    r"\.nl\.W\.0\.": ".slots.after_block.out.",
    r"\.nl\.W\.1\.": ".slots.after_block.norm.",
}
TSM: Rules = {r"\.conv1\.net\.": ".conv1_with_shift.", **V4D}
SHIFTED: Rules = {r"\.convs\.0\.0\.": ".conv1_without_shift.", r"conv1_with_shift": "convs.0.0"}


def tsm(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a TSM with shifts on the residual path.

    It may have non-local blocks. Weights with shifts in other blocks have names that do not match.
    """
    names = zoo_names(tensors, {**NON_LOCAL, **TSM})
    step = shift_step(read_depths(names))
    names = {_in_shifted_block(name, step): source for name, source in names.items()}
    trunk = read_trunk(names, tensors)
    spec = replace(trunk, backbone=f"tsm_{trunk.backbone}")
    return CheckpointLayout(names=names, spec=_with_non_local(spec, module_blocks(names)))


def _with_non_local(spec: ModelSpec, blocks: Mapping[str, tuple[int, ...]]) -> ModelSpec:
    if not blocks:
        return spec
    return replace(
        spec,
        module="non_local",
        module_options={"attention": "embedded_gaussian", "pooling": "after"},
        position="after_block",
        blocks=blocks,
    )


def _in_shifted_block(name: str, step: int) -> str:
    """Translate the name of conv1, which has a prefix in a block with a shift."""
    index = name.split(".")[1]
    is_shifted = index.isdigit() and name.startswith("res") and int(index) % step == 0
    return rename(name, SHIFTED) if is_shifted else name
