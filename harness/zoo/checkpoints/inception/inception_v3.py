"""Weights of Inception-v3 from torchvision, without the auxiliary classifier.

Source: checked against torchvision 0.29.2.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.specs import ModelSpec
from harness.zoo.backbones.inception.inception_v3 import FULL_WIDTH
from harness.zoo.checkpoints.family import CheckpointLayout, shape_of, zoo_names
from harness.zoo.checkpoints.rename import Rules

INCEPTION_V3: Rules = {r"^module\.": "", r"^(Conv2d|Mixed)_": r"trunk.\1_"}


def tsn_inception_v3(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a TSN on Inception-v3."""
    names = zoo_names(tensors, INCEPTION_V3)
    width = shape_of(names, tensors, "Conv2d_2b_3x3.conv.weight")[0]
    options = {} if width == FULL_WIDTH else {"stem_width": width}
    spec = ModelSpec(backbone="inception_v3", backbone_options=options)
    return CheckpointLayout(names=names, spec=spec)
