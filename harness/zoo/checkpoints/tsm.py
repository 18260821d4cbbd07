"""Weights of the released TSM.

Source: checked against github.com/mit-han-lab/temporal-shift-module 1f6a834.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.zoo.checkpoints.family import CheckpointLayout, read_trunk, zoo_names
from harness.zoo.checkpoints.rename import Rules
from harness.zoo.checkpoints.v4d import V4D

TSM: Rules = {
    r"\.conv1\.(?=weight)": ".conv1_without_shift.",
    r"^(module\.)?base_model\.conv1_without_shift\.": "conv1.",
    r"\.conv1\.net\.": ".conv1.",
    **V4D,
}


def tsm(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a TSM with a shift in every block, on the residual path.

    Weights of other variants have names that do not match.
    """
    names = zoo_names(tensors, TSM)
    spec = read_trunk(names, tensors)
    return CheckpointLayout(names=names, spec=replace(spec, backbone=f"tsm_{spec.backbone}"))
