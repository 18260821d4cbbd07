"""Weights of the released MVFNet.

Source: checked against github.com/whwu95/MVFNet 0ddc7e2 (names and shapes only).
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.zoo.checkpoints.family import CheckpointLayout, read_trunk, zoo_names
from harness.zoo.checkpoints.rename import Rules
from harness.zoo.checkpoints.torchvision import TORCHVISION

MVFNET: Rules = {
    r"^module\.": "",
    r"^backbone\.": "",
    r"^cls_head\.new_fc\.": "fc.",
    r"\.conv1\.shift_conv\.": ".slots.before_conv1.time.",
    r"\.conv1\.h_conv\.": ".slots.before_conv1.height.",
    r"\.conv1\.w_conv\.": ".slots.before_conv1.width.",
    r"\.conv1\.bn\.": ".slots.before_conv1.norm.",
    r"\.conv1\.net\.": ".conv1.",
    **TORCHVISION,
}


def mvfnet(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of an MVFNet with MVF in every block of res4 and res5.

    Weights of other variants have names that do not match.
    """
    names = zoo_names(tensors, MVFNET)
    spec = read_trunk(names, tensors)
    return CheckpointLayout(names=names, spec=replace(spec, backbone=f"mvfnet_{spec.backbone}"))
