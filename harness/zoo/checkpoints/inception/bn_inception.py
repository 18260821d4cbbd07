"""Weights of TSN on BN-Inception, from tsn-pytorch.

Source: checked against github.com/yjxiong/tsn-pytorch 2f0468e.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.specs import ModelSpec, Options
from harness.zoo.backbones.inception.bn_inception import FULL_WIDTH
from harness.zoo.checkpoints.family import CheckpointLayout, shape_of, zoo_names
from harness.zoo.checkpoints.rename import Rules

# Layers by the names of the Caffe network, in which a batch norm ends on _bn.
BN_INCEPTION: Rules = {
    r"^module\.": "",
    r"^base_model\.": "",
    r"^new_fc\.": "fc.",
    r"_bn\.": ".1.",
    r"^(conv\w+|inception_\w+)\.(?!1\.)": r"\1.0.",
    r"^conv1_7x7_s2\.": "stem.0.",
    r"^conv2_3x3_reduce\.": "stem.2.",
    r"^conv2_3x3\.": "stem.3.",
    r"^inception_(\w\w)_": r"blocks.\1.branches.",
    r"\.branches\.1x1\.": ".branches.one.",
    r"\.branches\.3x3_reduce\.": ".branches.three.0.",
    r"\.branches\.3x3\.": ".branches.three.1.",
    r"\.branches\.double_3x3_reduce\.": ".branches.twice.0.",
    r"\.branches\.double_3x3_([12])\.": r".branches.twice.\1.",
    r"\.branches\.pool_proj\.": ".branches.pool.1.",
    r"^(stem|blocks)\.": r"trunk.\1.",
}


def tsn_bninception(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a TSN on BN-Inception."""
    names = zoo_names(tensors, BN_INCEPTION)
    spec = ModelSpec(backbone="bn_inception", backbone_options=read_width(names, tensors))
    return CheckpointLayout(names=names, spec=spec)


def read_width(
    names: Mapping[str, str], tensors: Mapping[str, Tensor], stem: str = "stem."
) -> Options:
    """Infer the width of the stem, as an option unless it is the usual one."""
    width = shape_of(names, tensors, f"{stem}0.0.weight")[0]
    return {} if width == FULL_WIDTH else {"stem_width": width}
