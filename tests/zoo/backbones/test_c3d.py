"""C3D: its size, and snippets of every extent."""

import pytest
import torch

from harness.zoo.backbones.c3d import c3d
from tests.helpers.costs import cost


@pytest.mark.parametrize(
    ("classes", "millions"),
    [(101, 78.41), (487, 79.99)],  # UCF-101 and Sports-1M
)
def test_its_size_and_cost_are_the_well_known_ones(classes, millions):
    counted = cost("c3d", classes=classes, frames=16, pixels=112, rule="mac")
    assert round(counted.params / 1e6, 2) == millions
    assert round(counted.macs / 1e9, 1) == 38.5


def test_the_map_of_16_frames_of_112_pixels_enters_fc6_as_it_is():
    trunk = c3d(num_classes=5, stem_width=8).trunk
    with torch.inference_mode():
        assert trunk.convs(torch.zeros(1, 3, 16, 112, 112)).shape == (1, 64, 1, 4, 4)


@pytest.mark.parametrize(("frames", "pixels"), [(1, 16), (4, 64), (20, 128)])
def test_snippets_of_other_extents_run_too(frames, pixels):
    net = c3d(num_classes=5, stem_width=1).eval()
    assert net(torch.zeros(1, 1, 3, frames, pixels, pixels)).shape == (1, 5)
