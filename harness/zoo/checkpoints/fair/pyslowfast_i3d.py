"""Weights of I3D and C2D from PySlowFast, with or without non-local blocks.

Source: checked against github.com/facebookresearch/SlowFast 287ec00.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from harness.specs import STAGES, ModelSpec, Option
from harness.zoo.backbones.i3d import inflated_blocks
from harness.zoo.checkpoints.fair.pyslowfast import PYSLOWFAST
from harness.zoo.checkpoints.family import (
    CheckpointLayout,
    module_blocks,
    read_depths,
    shape_of,
    zoo_names,
)
from harness.zoo.checkpoints.rename import Rules

I3D_PYSLOWFAST: Rules = {
    **PYSLOWFAST,
    r"^s([2-5])\.pathway0_nonlocal(\d+)\.conv_": r"res\1.\2.slots.after_block.",
    r"^s([2-5])\.pathway0_nonlocal(\d+)\.bn\.": r"res\1.\2.slots.after_block.norm.",
}
R50, R101 = (3, 4, 6, 3), (3, 4, 23, 3)


def i3d_pyslowfast(
    tensors: Mapping[str, Tensor], *, attention: str = "softmax"
) -> CheckpointLayout:
    """Return the layout of an I3D of PySlowFast, whose time is strided after res2 only.

    Args:
        tensors: By official name.
        attention: Of non-local blocks; not in the weights. Default: that of the configurations.
    """
    names = zoo_names(tensors, I3D_PYSLOWFAST)
    depths = read_depths(names)
    if _extent_in_time(names, tensors, "stem.0.weight") != 5:
        raise ValueError("the stem of an I3D sees five frames; check the checkpoint family")
    options: dict[str, Option] = {"time_strides": (1, 1, 2)}
    if (inflated_depths := _inflated_depths(names, tensors, depths)) != depths:
        options["inflated_depths"] = inflated_depths
    if depths not in (R50, R101):
        options["depths"] = depths
    backbone = f"i3d_5x7x7_resnet{101 if depths == R101 else 50}"
    spec = ModelSpec(backbone=backbone, backbone_options=options)
    return CheckpointLayout(names=names, spec=_with_non_local(spec, names, attention))


def c2d_pyslowfast(
    tensors: Mapping[str, Tensor], *, attention: str = "softmax"
) -> CheckpointLayout:
    """Return the layout of a C2D of PySlowFast.

    Args:
        tensors: By official name.
        attention: Of non-local blocks; not in the weights. Default: that of the configurations.
    """
    names = zoo_names(tensors, I3D_PYSLOWFAST)
    depths = read_depths(names)
    inflated = any(_inflated_depths(names, tensors, depths))
    if inflated or _extent_in_time(names, tensors, "stem.0.weight") != 1:
        raise ValueError("a C2D has no temporal kernels; check the checkpoint family")
    options: dict[str, Option] = {} if depths == R50 else {"depths": depths}
    spec = ModelSpec(backbone="c2d_resnet50", backbone_options=options)
    return CheckpointLayout(names=names, spec=_with_non_local(spec, names, attention))


def _with_non_local(spec: ModelSpec, names: Mapping[str, str], attention: str) -> ModelSpec:
    blocks = module_blocks(names)
    if not blocks:
        return spec
    options = {"attention": attention}
    return replace(
        spec, module="non_local", module_options=options, position="after_block", blocks=blocks
    )


def _inflated_depths(
    names: Mapping[str, str], tensors: Mapping[str, Tensor], depths: Sequence[int]
) -> tuple[int, ...]:
    """Return the number of leading blocks with the temporal kernels of I3D, by stage."""
    limits = []
    for stage, depth in zip(STAGES, depths, strict=True):
        kernels = [f"{stage}.{index}.convs.0.0.weight" for index in range(depth)]
        inflated = [i for i in range(depth) if _extent_in_time(names, tensors, kernels[i]) > 1]
        is_whole = inflated == [*inflated_blocks(stage, depth)]
        limits.append(depth if is_whole else max(inflated, default=-1) + 1)
        if inflated != [*inflated_blocks(stage, limits[-1])]:
            raise ValueError(
                f"temporal kernels in blocks {inflated} of {stage}; the zoo's I3D has them in "
                f"blocks {[*inflated_blocks(stage, depth)]}, or in the first of these"
            )
    return tuple(limits)


def _extent_in_time(names: Mapping[str, str], tensors: Mapping[str, Tensor], ending: str) -> int:
    shape = shape_of(names, tensors, ending)
    return shape[2] if len(shape) == 5 else 1
