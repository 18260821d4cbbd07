"""The average that a network takes over time, by the names of its backbone and module.

A network of one's own is taken to average nothing, so no ceiling is claimed for it. A test compares
these names with the networks.
"""

from typing import Literal

from harness.specs import ModelSpec
from harness.zoo import BACKBONES

Averaging = Literal["average of snippets", "average of frames", "fixed weights of snippets"]
# Each frame on its own until the average.
FRAME_BACKBONES = frozenset(
    {"resnet18", "resnet50", "resnet101", "resnet152", "bn_inception", "inception_v3"}
)
SNIPPET_MODULES = frozenset({None, "se", "non_local", "cgnl"})


def averaging(model: ModelSpec) -> Averaging | None:
    """Return what the video-level logits of a network are an average of; None if of none."""
    if _mixes_last(model):
        return "fixed weights of snippets"
    if model.module not in SNIPPET_MODULES:
        return None
    if model.backbone in FRAME_BACKBONES and model.module is None:
        return "average of frames"
    return "average of snippets" if model.backbone in BACKBONES else None


def _mixes_last(model: ModelSpec) -> bool:
    """Return whether fixed kernels mix the snippets behind the last layer before the average.

    So the logits are a sum over snippets, each with a weight by its place.
    """
    depths = model.backbone_options.get("depths")
    if model.module != "static_mix" or not isinstance(depths, tuple | list):
        return False
    return model.position == "after_block" and model.blocks == {"res5": (depths[-1] - 1,)}
