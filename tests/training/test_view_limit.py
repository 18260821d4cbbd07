"""Bounds of tensors in scoring, at paper scale, without memory."""

import pytest
import torch
from torch import nn

from experiments.kinetics400 import EXPERIMENT
from harness import trial as trials
from harness.training.view_limit import MAX_ELEMENTS, limit_views

ROWS = {row.label: row.trial for row in EXPERIMENT.rows}
STEM = 64 * 128**2  # elements of a frame behind the first convolution, of 256 pixels in a square


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
    assert (limit.views < trial.train.batch_videos) == (frames > 16)
