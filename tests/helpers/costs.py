"""Trials and costs of networks on one snippet, as the oracles list them."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from experiments.recipes import I3D_R50
from harness.cost.count import RULE, Cost, count
from harness.specs import ModelSpec, Option, Trial


def on_one_view(model: ModelSpec, *, frames: int, crop: int = 224, classes: int = 400) -> Trial:
    """Return a trial whose network sees one snippet of these frames and pixels."""
    data = replace(
        I3D_R50.data, num_classes=classes, num_snippets=1, num_frames=frames, crop_px=crop
    )
    return replace(I3D_R50, data=data, model=model)


def one_view(
    backbone: str, *, frames: int, crop: int, classes: int = 400, **options: Option
) -> Trial:
    """Return a trial of a plain backbone on one snippet."""
    model = ModelSpec(backbone=backbone, backbone_options=options)
    return on_one_view(model, frames=frames, crop=crop, classes=classes)


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
    trial = one_view(backbone, frames=frames, crop=pixels, classes=classes, **options)
    return count(trial, rule=rule)


def one_clip(
    model: ModelSpec, *, frames: int, crop: int = 224, classes: int = 400
) -> tuple[int, int, int]:
    """Return parameters, multiply-adds, and multiply-adds with batch norm."""
    counted = count(on_one_view(model, frames=frames, crop=crop, classes=classes))
    return counted.params, counted.plain_macs, counted.macs


def giga(macs: int, digits: int = 4) -> str:
    """Write multiply-adds in 10^9, as the oracles do."""
    return f"{macs / 1e9:.{digits}f}"


def slow_if_deep(names: Iterable[str], *, deep: str) -> list[object]:
    """Return cases to run, of which those whose name holds `deep` are slow."""
    return [pytest.param(n, marks=pytest.mark.slow if deep in n else ()) for n in names]
