"""Weights of the released TSM.

Source: checked against github.com/mit-han-lab/temporal-shift-module 1f6a834.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.zoo.backbones.tsm import shift_step
from harness.zoo.checkpoints.family import CheckpointLayout, read_depths, read_trunk, zoo_names
from harness.zoo.checkpoints.rename import Rules, rename
from harness.zoo.checkpoints.v4d import V4D

TSM: Rules = {r"\.conv1\.net\.": ".conv1_with_shift.", **V4D}
SHIFTED: Rules = {r"\.convs\.0\.0\.": ".conv1_without_shift.", r"conv1_with_shift": "convs.0.0"}


def tsm(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a TSM with shifts on the residual path.

    Weights with shifts in other blocks have names that do not match.
    """
    names = zoo_names(tensors, TSM)
    step = shift_step(read_depths(names))
    names = {_in_shifted_block(name, step): source for name, source in names.items()}
    spec = read_trunk(names, tensors)
    return CheckpointLayout(names=names, spec=replace(spec, backbone=f"tsm_{spec.backbone}"))


def _in_shifted_block(name: str, step: int) -> str:
    """Translate the name of conv1, which has a prefix in a block with a shift."""
    index = name.split(".")[1]
    is_shifted = index.isdigit() and name.startswith("res") and int(index) % step == 0
    return rename(name, SHIFTED) if is_shifted else name
