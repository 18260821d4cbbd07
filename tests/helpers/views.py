"""Trials of a plain backbone on one view of one snippet, for counting."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from experiments.recipes import I3D_R50
from harness.specs import ModelSpec, Option, Trial


def one_view(
    backbone: str, *, frames: int, crop: int, classes: int = 400, **options: Option
) -> Trial:
    """Return a trial whose network sees one snippet of these frames and pixels."""
    data = replace(
        I3D_R50.data, num_classes=classes, num_snippets=1, num_frames=frames, crop_px=crop
    )
    return replace(I3D_R50, data=data, model=ModelSpec(backbone=backbone, backbone_options=options))


def slow_if_deep(names: Iterable[str], *, deep: str) -> list[object]:
    """Return cases to run, of which those whose name holds `deep` are slow."""
    return [pytest.param(n, marks=pytest.mark.slow if deep in n else ()) for n in names]
