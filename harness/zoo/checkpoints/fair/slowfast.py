"""Layouts of SlowFast networks, whatever code base released them."""

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

RELEASED = (
    "slowfast_4x16_resnet50",
    "slowfast_8x8_resnet50",
    "slowfast_8x8_resnet101",
    "slowfast_8x8_resnet101_full",
)


def read_slowfast(
    rules: Rules,
    tensors: Mapping[str, Tensor],
    *,
    alpha: int | None = None,
    pool_side: int | None = None,
) -> CheckpointLayout:
    """Return the layout: depths, widths, lateral kernels and temporal kernels follow from shapes.

    Args:
        rules: From official names to those of the zoo.
        tensors: By official name.
        alpha: Frames per slow frame. Not in the weights. None: that of the released network with
            these depths and lateral kernels, which is 8 for R50 with kernel 5, else 4.
        pool_side: Side of the window that the released head pools at every position, 7 for a
            training crop of 224 pixels. Not in the weights. None: the whole feature map.
    """
    names = zoo_names(tensors, rules)
    slow = {n.removeprefix("slow."): s for n, s in names.items() if n.startswith("slow.")}
    width = shape_of(slow, tensors, "stem.0.weight")[0]
    options: dict[str, Option] = {
        "depths": read_depths(slow),
        "stem_width": width,
        "beta": shape_of(names, tensors, "fast.stem.0.weight")[0] / width,
        "fusion_kernel": shape_of(names, tensors, "laterals.stem.0.weight")[2],
        "temporal_depth": _temporal_depth(slow, tensors),
    }
    told = {"alpha": alpha, "pool_side": pool_side}
    options |= {name: value for name, value in told.items() if value is not None}
    return CheckpointLayout(names=names, spec=nearest_backbone(RELEASED, options))


def _temporal_depth(slow: Mapping[str, str], tensors: Mapping[str, Tensor]) -> int:
    """Return the number of blocks of res4 with a temporal kernel."""
    kernels = [
        tensors[source].shape[2]
        for name, source in slow.items()
        if name.startswith("res4.") and name.endswith(".convs.0.0.weight")
    ]
    return sum(extent > 1 for extent in kernels)
