"""Weights of the released ECO.

Source: checked against github.com/mzolfaghari/ECO-pytorch b175e7c. The 3D network names each batch
norm after the sum that it follows; here it opens the next unit.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.specs import ModelSpec
from harness.zoo.checkpoints.family import CheckpointLayout, zoo_names
from harness.zoo.checkpoints.inception.bn_inception import BN_INCEPTION, read_width
from harness.zoo.checkpoints.rename import Rules

ECO: Rules = {
    r"^(module\.)?base_model\.res3a_2\.": "tail.0.",
    **{
        rf"^(module\.)?base_model\.{before}_bn\.": f"tail.{unit}.norm1."
        for unit, before in enumerate(("res3a", "res3b", "res4a", "res4b", "res5a"), 1)
    },
    r"^(module\.)?base_model\.res5b_bn\.": "tail.6.",
    **{
        rf"^(module\.)?base_model\.{name}_": f"tail.{unit}."
        for unit, name in enumerate(("res3b", "res4a", "res4b", "res5a", "res5b"), 1)
    },
    r"^(tail\.\d)\.1_bn\.": r"\1.norm2.",
    r"^(tail\.\d)\.([12])\.(?=weight|bias)": r"\1.conv\2.",
    r"^(tail\.\d)\.down\.": r"\1.shortcut.",
    **BN_INCEPTION,
    r"^trunk\.stem\.": "start.0.",
    r"^trunk\.blocks\.3a\.": "start.1.",
    r"^trunk\.blocks\.3b\.": "start.2.",
    r"^trunk\.blocks\.3c\.branches\.twice\.([01])\.": r"reduction.\1.",
    r"^trunk\.blocks\.3c\.branches\.twice\.2\.": "rest.twice.",
    r"^trunk\.blocks\.3c\.branches\.three\.": "rest.three.",
    **{
        rf"^trunk\.blocks\.{name}\.": f"rest.blocks.{index}."
        for index, name in enumerate(("4a", "4b", "4c", "4d", "4e", "5a", "5b"))
    },
}


def eco(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of an ECO Lite, or of an ECO Full if the file has its 2D path."""
    names = zoo_names(tensors, ECO)
    is_full = any(name.startswith("rest.") for name in names)
    backbone = "eco_full" if is_full else "eco_lite"
    spec = ModelSpec(backbone=backbone, backbone_options=read_width(names, tensors, "start.0."))
    return CheckpointLayout(names=names, spec=spec)
