"""Costs of networks on one snippet, as the oracles list them."""

from dataclasses import replace

from experiments.recipes import I3D_R50
from harness.cost.count import count
from harness.specs import ModelSpec


def one_clip(model: ModelSpec, *, frames: int, crop: int = 224, classes: int = 400):
    """Return parameters, multiply-adds, and multiply-adds with batch norm."""
    data = replace(
        I3D_R50.data, num_snippets=1, num_frames=frames, crop_px=crop, num_classes=classes
    )
    trial = replace(I3D_R50, model=model, data=data)
    plain, with_norm = (count(trial, rule=rule) for rule in ("mac", "mac+2bn"))
    return plain.params, plain.macs, with_norm.macs


def giga(macs: int, digits: int = 4) -> str:
    """Write multiply-adds in 10^9, as the oracles do."""
    return f"{macs / 1e9:.{digits}f}"
