"""Trials and costs of networks on one snippet, as the oracles list them."""

from dataclasses import replace

from experiments.recipes import I3D_R50
from harness.cost.count import Cost, count
from harness.cost.rules import RULE
from harness.specs import ModelSpec, Option, Trial


def on_one_view(model: ModelSpec, *, frames: int, crop: int = 224, classes: int = 400) -> Trial:
    """Return a trial whose network sees one snippet of these frames and pixels."""
    data = replace(
        I3D_R50.data, num_classes=classes, num_snippets=1, num_frames=frames, crop_px=crop
    )
    return replace(I3D_R50, data=data, model=model)


def cost(
    backbone: str,
    *,
    classes: int,
    frames: int,
    pixels: int = 224,
    rule: str = RULE,
    **options: Option,
) -> Cost:
    """Count a plain backbone on one snippet."""
    model = ModelSpec(backbone=backbone, backbone_options=options)
    return count(on_one_view(model, frames=frames, crop=pixels, classes=classes), rule=rule)
