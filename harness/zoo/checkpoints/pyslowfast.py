"""Weights of SlowOnly from PySlowFast.

Source: checked against github.com/facebookresearch/SlowFast 287ec00.
"""

from collections.abc import Mapping

from torch import Tensor

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


def slowonly_pyslowfast(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a SlowOnly network of PySlowFast."""
    names = zoo_names(tensors, PYSLOWFAST)
    return CheckpointLayout(names=names, spec=read_trunk(names, tensors))
