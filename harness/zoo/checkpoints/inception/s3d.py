"""Weights of S3D from an independent repository.

Source: checked against github.com/kylemin/S3D ecd3786.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.specs import ModelSpec, Options
from harness.zoo.backbones.inception.s3d import FULL_WIDTH
from harness.zoo.checkpoints.family import CheckpointLayout, shape_of, zoo_names
from harness.zoo.checkpoints.rename import Rules

KYLEMIN: Rules = {
    r"^module\.": "",
    r"^base\.": "features.",
    r"\.branch0\.0\.": ".branch0.",
    r"\.conv_s\.": ".0.0.",
    r"\.bn_s\.": ".0.1.",
    r"\.conv_t\.": ".1.0.",
    r"\.bn_t\.": ".1.1.",
    r"\.conv\.": ".0.",
    r"\.bn\.": ".1.",
    r"^fc\.0\.": "fc.",
}


def s3d_kylemin(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of an S3D."""
    names = zoo_names(tensors, KYLEMIN)
    spec = ModelSpec(backbone="s3d", backbone_options=read_width(names, tensors))
    return CheckpointLayout(names=names, spec=spec)


def read_width(names: Mapping[str, str], tensors: Mapping[str, Tensor]) -> Options:
    """Infer the width of the stem, as an option unless it is the usual one."""
    width = shape_of(names, tensors, "features.0.0.0.weight")[0]
    return {} if width == FULL_WIDTH else {"stem_width": width}
