"""Settings of X3D networks, read off names and shapes in the zoo's terms."""

from collections.abc import Mapping

from torch import Tensor

from harness.specs import ModelSpec, Option
from harness.zoo.checkpoints.family import nearest_backbone, read_depths, shape_of


def read_x3d(
    names: Mapping[str, str], tensors: Mapping[str, Tensor], *, pool_side: int | None
) -> ModelSpec:
    """Infer depths, width and the norm of the first shortcut of an X3D network.

    Args:
        names: Tensor name of the zoo to that of the file.
        tensors: By name of the file.
        pool_side: Side of the window that the released head pools at every position, 7 for a
            training crop of 224 pixels, 10 for 312. Not in the weights. None: the whole map.
    """
    options: dict[str, Option] = {
        "depths": read_depths(names),
        "stem_width": shape_of(names, tensors, "stem.0.weight")[0],
        "shortcut_norm": "res2.0.shortcut.1.weight" in names,
    }
    if pool_side is not None:
        options["pool_side"] = pool_side
    return nearest_backbone(("x3d_m", "x3d_l"), options)
