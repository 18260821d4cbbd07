"""Bounds of tensors in scoring, at paper scale, without memory."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from experiments.kinetics400 import EXPERIMENT
from harness import tables
from harness import trial as trials
from harness.cost.memory import peak_bytes
from harness.runtime import Runtime
from harness.training.view_limit import MAX_ELEMENTS, _LargestTensor, limit_views

ROWS = {row.label: row.trial for row in EXPERIMENT.rows}
STEM = 64 * 128**2  # elements of a frame behind the first convolution, of 256 pixels in a square
MOST_BYTES = 22e9  # of a batch and of all that a pass over it makes: a GPU of 24 GB holds them


def on(device):
    return Runtime(results=Path(), data=Path(), device=device)


def view_elements(trial):
    snippets = trial.evaluation.pass_snippets or trial.data.num_snippets
    return snippets * trial.data.num_frames * trial.evaluation.crop_px**2


def paper_trials():
    """Return every trial of the tables that is scored in its own way, by name."""
    distinct = {}
    for table in tables.load_all(lambda _: None):
        for row in table.rows:
            for trial in row.trials:
                views = trial.evaluation.num_passes * trial.evaluation.num_crops
                data = replace(trial.data, name="desk", num_classes=2)
                scored = repr((trial.model, data, view_elements(trial), views))
                distinct.setdefault(scored, (f"{table.name}/{row.label}", trial))
    return dict(distinct.values())


PAPER = paper_trials()
# Of each backbone the trial with the largest views; all others when there is time.
KINDS = {
    trial.model.backbone: name
    for name, trial in sorted(PAPER.items(), key=lambda item: view_elements(item[1]))
}


def test_the_largest_tensor_is_found_wherever_it_is():
    class Wide(nn.Module):
        def forward(self, x):
            return (x.flatten(1)[:, :, None] * torch.ones(1, 1, 1000, device="meta")).sum((1, 2))

    view = torch.empty(1, 2, 3, 2, 4, 4, device="meta")
    assert limit_views(Wide(), view).views == MAX_ELEMENTS // (view.numel() * 1000)
    assert limit_views(nn.Flatten(), view).views == MAX_ELEMENTS // view.numel()


def test_a_view_beyond_the_bound_is_still_scored_alone():
    view = torch.empty(1, 1, 3, 1, 40_000, 40_000, device="meta")
    assert limit_views(nn.Identity(), view).views == 1


@pytest.mark.parametrize(
    ("row", "frames"),
    [
        ("DSA+I3D R50, 4 × 8 × 3", 4 * 4),
        ("DSA+I3D R50, 8 × 8 × 3", 4 * 8),
        ("V4D+I3D R50, 8 × 10 × 3", 10 * 8),
    ],
)
def test_scoring_at_paper_scale_stays_below_the_bound(row, frames):
    """Batches of 96 views exceed it in the second and the third."""
    trial = ROWS[row]
    limit = limit_views(*trials.on_meta(trial, trial.evaluation.pass_snippets))
    assert limit.views == MAX_ELEMENTS // (frames * STEM)
    assert trials.view_limit(trial, on("cuda")) == limit
    assert trials.view_limit(trial, on("cpu")).views == MAX_ELEMENTS
    assert (limit.views < trial.train.batch_videos) == (frames > 16)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in KINDS.values() else pytest.mark.chaos)
        for name in PAPER
    ],
)
def test_the_largest_batch_of_scoring_stays_below_both_bounds(name):
    """Mixed precision is that of all weights and views in bfloat16, since nothing casts on meta."""
    trial = PAPER[name]
    assert trial.train.precision == "bfloat16"
    net, view = trials.on_meta(trial, trial.evaluation.pass_snippets)
    limit = limit_views(net, view).views
    num_views = trial.evaluation.num_passes * trial.evaluation.num_crops
    batch = max(min(trial.train.batch_videos, limit) // num_views, 1) * num_views
    part = torch.empty(min(batch, limit), *view.shape[1:], dtype=torch.bfloat16, device="meta")
    with _LargestTensor() as largest:
        peak = peak_bytes(net.to(torch.bfloat16), part)
    assert part.numel() <= MAX_ELEMENTS
    assert 0 < largest.elements <= MAX_ELEMENTS
    assert batch * view.numel() * 4 + peak < MOST_BYTES
