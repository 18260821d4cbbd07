"""Costs of the networks of the Kinetics-400 comparison, as the oracles list them."""

from dataclasses import replace

from experiments.recipes import I3D_R50
from harness.cost.count import count
from harness.specs import ModelSpec


def one_clip(model: ModelSpec, *, frames: int, crop: int = 224, classes: int = 400):
    """Return parameters, multiply-adds, and those with batch norm as text, in 10^9."""
    plain, with_norm = (
        cost_of_clip(model, rule=rule, frames=frames, crop=crop, classes=classes)
        for rule in ("mac", "mac+2bn")
    )
    return plain.params, plain.macs, f"{with_norm.macs / 1e9:.4f}"


def cost_of_clip(model: ModelSpec, *, rule: str, frames: int, crop: int = 224, classes: int = 400):
    """Count one snippet."""
    data = replace(
        I3D_R50.data, num_snippets=1, num_frames=frames, crop_px=crop, num_classes=classes
    )
    return count(replace(I3D_R50, model=model, data=data), rule=rule)
