"""Weights of SlowOnly, SlowFast and X3D from PyTorchVideo.

Source: checked against github.com/facebookresearch/pytorchvideo f3142bb.
"""

from collections.abc import Mapping
from functools import partial

from torch import Tensor

from harness.zoo.checkpoints.fair.slowfast import read_slowfast
from harness.zoo.checkpoints.fair.x3d import read_x3d
from harness.zoo.checkpoints.family import CheckpointLayout, read_trunk, zoo_names
from harness.zoo.checkpoints.rename import Rules

PYTORCHVIDEO: Rules = {
    r"^module\.": "",
    r"\bblocks\.0\.conv\.": "stem.0.",
    r"\bblocks\.0\.norm\.": "stem.1.",
    r"\bblocks\.1\.res_blocks\.": "res2.",
    r"\bblocks\.2\.res_blocks\.": "res3.",
    r"\bblocks\.3\.res_blocks\.": "res4.",
    r"\bblocks\.4\.res_blocks\.": "res5.",
    r"\.branch1_conv\.": ".shortcut.0.",
    r"\.branch1_norm\.": ".shortcut.1.",
    r"\.branch2\.conv_a\.": ".convs.0.0.",
    r"\.branch2\.conv_b\.": ".convs.1.0.",
    r"\.branch2\.conv_c\.": ".convs.2.0.",
    r"\.branch2\.norm_a\.": ".convs.0.1.",
    r"\.branch2\.norm_b\.": ".convs.1.1.",
    r"\.branch2\.norm_c\.": ".convs.2.1.",
    r"^blocks\.[56]\.proj\.": "fc.",
}
SLOWFAST: Rules = {
    r"^module\.": "",
    r"^blocks\.(\d)\.multipathway_blocks\.0\.": r"slow.blocks.\1.",
    r"^blocks\.(\d)\.multipathway_blocks\.1\.": r"fast.blocks.\1.",
    r"^blocks\.0\.multipathway_fusion\.": "laterals.stem.",
    r"^blocks\.1\.multipathway_fusion\.": "laterals.res2.",
    r"^blocks\.2\.multipathway_fusion\.": "laterals.res3.",
    r"^blocks\.3\.multipathway_fusion\.": "laterals.res4.",
    r"\.conv_fast_to_slow\.": ".0.",
    r"^(laterals\.\w+)\.norm\.": r"\1.1.",
    **PYTORCHVIDEO,
}
X3D: Rules = {
    **PYTORCHVIDEO,
    r"^stem\.1\.": "stem.2.",
    r"^stem\.0\.conv_xy\.": "stem.1.",  # the temporal convolution, in spite of its name
    r"^stem\.0\.conv_t\.": "stem.0.",
    r"\.convs\.1\.1\.1\.block\.": ".gate.gate.",
    r"\.convs\.1\.1\.0\.": ".convs.1.1.",
    r"^blocks\.5\.pool\.pre_conv\.": "expand.0.",
    r"^blocks\.5\.pool\.pre_norm\.": "expand.1.",
    r"^blocks\.5\.pool\.post_conv\.": "hidden.",
}


def slowonly_pytorchvideo(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a SlowOnly network of PyTorchVideo."""
    names = zoo_names(tensors, PYTORCHVIDEO)
    return CheckpointLayout(names=names, spec=read_trunk(names, tensors))


slowfast_pytorchvideo = partial(read_slowfast, SLOWFAST)


x3d_pytorchvideo = partial(read_x3d, X3D)
