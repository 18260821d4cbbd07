"""Weights of the released TEA.

Source: names and shapes of github.com/Phoenix1327/tea-action-recognition f59e2f8.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.zoo.checkpoints.family import CheckpointLayout, read_trunk, zoo_names
from harness.zoo.checkpoints.rename import Rules
from harness.zoo.checkpoints.v4d import V4D

TEA: Rules = {
    r"\.convs\.(\d)\.": r".convs.1.branches.\1.0.",
    r"\.bns\.(\d)\.": r".convs.1.branches.\1.1.",
    r"\.shifts\.(\d)\.conv\.": r".convs.1.mixes.\1.",
    r"\.me\.conv1\.": ".convs.1.excite.squeeze.0.",
    r"\.me\.bn1\.": ".convs.1.excite.squeeze.1.",
    r"\.me\.conv2\.": ".convs.1.excite.align.",
    r"\.me\.conv3\.": ".convs.1.excite.expand.0.",
    r"\.me\.bn3\.": ".convs.1.excite.expand.1.",
    **V4D,
}


def tea(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of a TEA."""
    names = zoo_names(tensors, TEA)
    spec = read_trunk(names, tensors)
    return CheckpointLayout(names=names, spec=replace(spec, backbone=f"tea_{spec.backbone}"))
