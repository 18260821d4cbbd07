"""Costs of the networks of the Kinetics-400 comparison, as the oracles list them."""

from dataclasses import replace

from experiments.recipes import I3D_R50
from harness.cost.count import count
from harness.specs import ModelSpec


def one_clip(model: ModelSpec, *, frames: int, crop: int = 224, classes: int = 400):
    """Return parameters, multiply-adds and 10^9 of them with batch norm, of one snippet."""
    data = replace(
        I3D_R50.data, num_snippets=1, num_frames=frames, crop_px=crop, num_classes=classes
    )
    trial = replace(I3D_R50, model=model, data=data)
    plain, with_norm = (count(trial, rule=rule) for rule in ("mac", "mac+2bn"))
    return plain.params, plain.macs, f"{with_norm.macs / 1e9:.4f}"
