"""Weights of the released TRN.

Source: checked against github.com/zhoubolei/TRN-pytorch 060509c.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.specs import ModelSpec, Option
from harness.zoo.checkpoints.family import CheckpointLayout, shape_of, zoo_names
from harness.zoo.checkpoints.inception.bn_inception import BN_INCEPTION, read_width
from harness.zoo.checkpoints.rename import Rules

TRN: Rules = {
    r"^(module\.)?new_fc\.": "trunk.fc.",
    r"^(module\.)?consensus\.fc_fusion_scales\.(\d+)\.1\.": r"hidden.\2.",
    r"^(module\.)?consensus\.fc_fusion_scales\.(\d+)\.3\.": r"fc.\2.",
    **BN_INCEPTION,
    r"^trunk\.(stem|blocks)\.": r"trunk.trunk.\1.",
}


def trn(tensors: Mapping[str, Tensor], *, relations: str = "all") -> CheckpointLayout:
    """Return the layout of a multi-scale TRN on BN-Inception.

    Args:
        tensors: By official name.
        relations: `all` or `sampled`. Not in the weights: the released code draws tuples of frames
            at random in testing too, unless it is changed to take all.
    """
    names = zoo_names(tensors, TRN)
    options = read_width(names, tensors)
    num_features, width = shape_of(names, tensors, "hidden.0.weight")
    told: dict[str, Option] = {"num_frames": width // num_features, "relations": relations}
    spec = ModelSpec(backbone="trn_bn_inception", backbone_options={**options, **told})
    return CheckpointLayout(names=names, spec=spec)
