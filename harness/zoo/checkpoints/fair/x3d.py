"""Layouts of X3D networks, whatever code base released them."""

from collections.abc import Mapping

from torch import Tensor

from harness.specs import Option
from harness.zoo.checkpoints.family import (
    CheckpointLayout,
    nearest_backbone,
    read_depths,
    shape_of,
    zoo_names,
)
from harness.zoo.checkpoints.rename import Rules


def read_x3d(
    rules: Rules, tensors: Mapping[str, Tensor], *, pool_side: int | None = None
) -> CheckpointLayout:
    """Return the layout: depths, width and the norm of the first shortcut follow from shapes.

    Args:
        rules: From official names to those of the zoo.
        tensors: By official name.
        pool_side: Side of the window that the released head pools at every position, 7 for a
            training crop of 224 pixels, 10 for 312. Not in the weights. None: the whole map.
    """
    names = zoo_names(tensors, rules)
    options: dict[str, Option] = {
        "depths": read_depths(names),
        "stem_width": shape_of(names, tensors, "stem.0.weight")[0],
        "shortcut_norm": "res2.0.shortcut.1.weight" in names,
    }
    if pool_side is not None:
        options["pool_side"] = pool_side
    return CheckpointLayout(names=names, spec=nearest_backbone(("x3d_m", "x3d_l"), options))
