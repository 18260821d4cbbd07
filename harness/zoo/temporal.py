"""The average that a network takes over time, by the names of its backbone and module.

A network of one's own is taken to average nothing, so no ceiling is claimed for it. A test compares
these names with the networks.
"""

from typing import Literal

from harness.specs import ModelSpec

Averaging = Literal["average of snippets", "average of frames"]
# Each frame on its own until the average.
FRAME_BACKBONES = frozenset({"resnet18", "resnet50", "bn_inception", "inception_v3"})
# Each snippet on its own until the average.
SNIPPET_BACKBONES = frozenset(
    {
        "i3d_resnet18",
        "i3d_resnet50",
        "tsm_resnet18",
        "tsm_resnet50",
        "trn_bn_inception",
        "trn_resnet50",
        "eco_lite",
        "eco_full",
        "s3d",
        "s3d_g",
        "c3d",
        "r2plus1d_18",
        "mvit_v2_s",
        "swin3d_t",
        "swin3d_s",
        "swin3d_b",
    }
)
SNIPPET_MODULES = frozenset({None, "se"})


def averaging(model: ModelSpec) -> Averaging | None:
    """Return what the video-level logits of a network are an average of; None if of neither."""
    if model.module not in SNIPPET_MODULES:
        return None
    if model.backbone in FRAME_BACKBONES and model.module is None:
        return "average of frames"
    is_known = model.backbone in FRAME_BACKBONES | SNIPPET_BACKBONES
    return "average of snippets" if is_known else None
