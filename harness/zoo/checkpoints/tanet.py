"""Weights of the released TANet.

Source: checked against github.com/liu-zhy/temporal-adaptive-module 5fcb46f.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.zoo.checkpoints.family import CheckpointLayout, read_trunk, shape_of, zoo_names
from harness.zoo.checkpoints.rename import Rules
from harness.zoo.checkpoints.v4d import V4D

TANET: Rules = {
    r"^((?:module\.)?base_model\.layer\d\.\d+)\.net\.": r"\1.",
    r"\.tam\.G\.": ".slots.after_conv1.generator.",
    r"\.tam\.L\.": ".slots.after_conv1.gate.",
    **V4D,
}


def tanet(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a TANet, whose frames per snippet follow from the generators."""
    names = zoo_names(tensors, TANET)
    spec = read_trunk(names, tensors)
    num_frames = shape_of(names, tensors, ".generator.0.weight")[1]
    options = {**spec.backbone_options, "num_frames": num_frames}
    spec = replace(spec, backbone=f"tanet_{spec.backbone}", backbone_options=options)
    return CheckpointLayout(names=names, spec=spec)
