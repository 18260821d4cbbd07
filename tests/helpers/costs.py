"""Costs of backbones at paper scale."""

from dataclasses import replace

from experiments.recipes import I3D_R50
from harness.cost.count import RULE, Cost, count
from harness.specs import ModelSpec, Option


def cost(
    backbone: str,
    *,
    classes: int,
    frames: int,
    pixels: int = 224,
    rule: str = RULE,
    **options: Option,
) -> Cost:
    """Count a backbone on one snippet."""
    data = replace(
        I3D_R50.data, num_classes=classes, num_snippets=1, num_frames=frames, crop_px=pixels
    )
    model = ModelSpec(backbone=backbone, backbone_options=options)
    return count(replace(I3D_R50, data=data, model=model), rule=rule)
