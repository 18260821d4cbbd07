"""The average that a network takes over time, by the names of its backbone and module.

A network of one's own is taken to average nothing, so no ceiling is claimed for it. A test compares
these names with the networks.
"""

from typing import Literal

from harness.specs import ModelSpec
from harness.zoo import BACKBONES

Averaging = Literal["average of snippets", "average of frames"]
# Each frame on its own until the average.
FRAME_BACKBONES = frozenset(
    {"resnet18", "resnet50", "resnet101", "resnet152", "bn_inception", "inception_v3"}
)
SNIPPET_MODULES = frozenset({None, "se", "non_local", "cgnl"})


def averaging(model: ModelSpec) -> Averaging | None:
    """Return what the video-level logits of a network are an average of; None if of neither."""
    if model.module not in SNIPPET_MODULES:
        return None
    if model.backbone in FRAME_BACKBONES and model.module is None:
        return "average of frames"
    return "average of snippets" if model.backbone in BACKBONES else None
