"""Weights of SlowOnly, SlowFast and X3D from PySlowFast.

Source: checked against github.com/facebookresearch/SlowFast 287ec00.
"""

from collections.abc import Mapping
from functools import partial

from torch import Tensor

from harness.zoo.checkpoints.fair.slowfast import read_slowfast
from harness.zoo.checkpoints.fair.x3d import read_x3d
from harness.zoo.checkpoints.family import CheckpointLayout, read_trunk, zoo_names
from harness.zoo.checkpoints.rename import Rules

PYSLOWFAST: Rules = {
    r"^module\.": "",
    r"^s1\.pathway0_stem\.conv\.": "stem.0.",
    r"^s1\.pathway0_stem\.bn\.": "stem.1.",
    r"^s([2-5])\.pathway0_res(\d+)\.": r"res\1.\2.",
    r"\.branch1\.": ".shortcut.0.",
    r"\.branch1_bn\.": ".shortcut.1.",
    r"\.branch2\.a\.": ".convs.0.0.",
    r"\.branch2\.b\.": ".convs.1.0.",
    r"\.branch2\.c\.": ".convs.2.0.",
    r"\.branch2\.a_bn\.": ".convs.0.1.",
    r"\.branch2\.b_bn\.": ".convs.1.1.",
    r"\.branch2\.c_bn\.": ".convs.2.1.",
    r"^head\.projection\.": "fc.",
}
SLOWFAST: Rules = {
    **PYSLOWFAST,
    r"^(stem|res[2-5])\.": r"slow.\1.",
    r"^s1\.pathway1_stem\.": "fast.stem.",
    r"^s([2-5])\.pathway1_res(\d+)\.": r"fast.res\1.\2.",
    r"^s1_fuse\.": "laterals.stem.",
    r"^s([2-4])_fuse\.": r"laterals.res\1.",
    r"\.(conv|conv_f2s)\.": ".0.",
    r"\.bn\.": ".1.",
}
X3D: Rules = {
    **PYSLOWFAST,
    r"^stem\.1\.": "stem.2.",
    r"^stem\.0\.": "stem.1.",
    r"^s1\.pathway0_stem\.conv_xy\.": "stem.0.",
    r"\.branch2\.se\.fc1\.": ".gate.gate.0.",
    r"\.branch2\.se\.fc2\.": ".gate.gate.2.",
    r"^head\.conv_5\.": "expand.0.",
    r"^head\.conv_5_bn\.": "expand.1.",
    r"^head\.lin_5\.": "hidden.",
}


def slowonly_pyslowfast(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a SlowOnly network of PySlowFast."""
    names = zoo_names(tensors, PYSLOWFAST)
    return CheckpointLayout(names=names, spec=read_trunk(names, tensors))


slowfast_pyslowfast = partial(read_slowfast, SLOWFAST)


x3d_pyslowfast = partial(read_x3d, X3D)
