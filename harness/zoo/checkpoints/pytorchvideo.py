"""Weights of SlowOnly from PyTorchVideo.

Source: checked against github.com/facebookresearch/pytorchvideo f3142bb.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.zoo.checkpoints.family import CheckpointLayout, read_trunk, zoo_names
from harness.zoo.checkpoints.rename import Rules

PYTORCHVIDEO: Rules = {
    r"^module\.": "",
    r"^blocks\.0\.conv\.": "stem.0.",
    r"^blocks\.0\.norm\.": "stem.1.",
    r"^blocks\.1\.res_blocks\.": "res2.",
    r"^blocks\.2\.res_blocks\.": "res3.",
    r"^blocks\.3\.res_blocks\.": "res4.",
    r"^blocks\.4\.res_blocks\.": "res5.",
    r"\.branch1_conv\.": ".shortcut.0.",
    r"\.branch1_norm\.": ".shortcut.1.",
    r"\.branch2\.conv_a\.": ".convs.0.0.",
    r"\.branch2\.conv_b\.": ".convs.1.0.",
    r"\.branch2\.conv_c\.": ".convs.2.0.",
    r"\.branch2\.norm_a\.": ".convs.0.1.",
    r"\.branch2\.norm_b\.": ".convs.1.1.",
    r"\.branch2\.norm_c\.": ".convs.2.1.",
    r"^blocks\.5\.proj\.": "fc.",
}


def slowonly_pytorchvideo(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a SlowOnly network of PyTorchVideo."""
    names = zoo_names(tensors, PYTORCHVIDEO)
    return CheckpointLayout(names=names, spec=read_trunk(names, tensors))
