"""Weights of the released VoV3D.

Source: checked against github.com/youngwanLEE/VoV3D df9cc7b (names and shapes only).
"""

import re
from collections.abc import Mapping

from torch import Tensor

from harness.specs import Option
from harness.zoo import BACKBONES
from harness.zoo.checkpoints.fair.pyslowfast import X3D
from harness.zoo.checkpoints.family import (
    CheckpointLayout,
    nearest_backbone,
    read_depths,
    shape_of,
    zoo_names,
)
from harness.zoo.checkpoints.rename import Rules

VOV3D: Rules = {
    **X3D,
    r"\.convs\.2\.": ".project.",
    r"\.branch2\.layers\.(\d+)\.": r".units.\1.",
    r"(\.units\.\d+)\.a\.": r"\1.expand.",
    r"(\.units\.\d+)\.b1\.": r"\1.depthwise.0.",
    r"(\.units\.\d+)\.b2\.": r"\1.depthwise.1.",
    r"(\.units\.\d+)\.b_bn\.": r"\1.depthwise.2.",
    r"(\.units\.\d+)\.se\.fc1\.": r"\1.gate.gate.0.",
    r"(\.units\.\d+)\.se\.fc2\.": r"\1.gate.gate.2.",
    r"(\.units\.\d+)\.c\.": r"\1.project.",
}


def vov3d(tensors: Mapping[str, Tensor], *, pool_side: int | None = None) -> CheckpointLayout:
    """Return the layout of a VoV3D network.

    Args:
        tensors: By official name.
        pool_side: Side of the window that the released head pools at every position, 7 for a
            training crop of 224 pixels. Not in the weights. None: the whole feature map.
    """
    names = zoo_names(tensors, VOV3D)
    options: dict[str, Option] = {
        "depths": read_depths(names),
        "stem_width": shape_of(names, tensors, "stem.0.weight")[0],
        "num_units": _num_units(names),
    }
    if pool_side is not None:
        options["pool_side"] = pool_side
    family = [name for name in BACKBONES if name.startswith("vov3d_")]
    return CheckpointLayout(names=names, spec=nearest_backbone(family, options))


def _num_units(names: Mapping[str, str]) -> int:
    """Return the number of units of a block."""
    units = [re.match(r"res2\.0\.units\.(\d+)\.", name) for name in names]
    numbers = [int(match[1]) for match in units if match]
    if not numbers:
        raise ValueError("no units in the blocks of the file; check the checkpoint family")
    return 1 + max(numbers)
