"""Weights of the released TSM.

Source: checked against github.com/mit-han-lab/temporal-shift-module 1f6a834.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.specs import ModelSpec
from harness.zoo.checkpoints.family import CheckpointLayout, module_blocks, read_trunk, zoo_names
from harness.zoo.checkpoints.rename import Rules
from harness.zoo.checkpoints.v4d import V4D

NON_LOCAL: Rules = {
    r"\.block\.": ".",
    r"\.nl\.(g|phi)\.0\.": r".slots.after_block.\1.",
    r"\.nl\.theta\.": ".slots.after_block.theta.",
    r"\.nl\.W\.0\.": ".slots.after_block.out.",
    r"\.nl\.W\.1\.": ".slots.after_block.norm.",
}
TSM: Rules = {
    r"\.conv1\.(?=weight)": ".conv1_without_shift.",
    r"^(module\.)?base_model\.conv1_without_shift\.": "conv1.",
    r"\.conv1\.net\.": ".conv1.",
    **V4D,
}


def tsm(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a TSM with a shift in every block, on the residual path.

    It may have non-local blocks. Weights of other variants have names that do not match.
    """
    names = zoo_names(tensors, {**NON_LOCAL, **TSM})
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
