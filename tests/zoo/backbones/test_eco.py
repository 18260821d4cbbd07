"""ECO: published costs, and the two paths of ECO Full."""

import pytest
import torch

from harness.zoo.backbones.eco import Unit, eco_full
from tests.helpers.costs import cost


@pytest.mark.parametrize(
    ("frames", "macs", "with_norm"), [(8, 32_206_782_464, 32.2734), (16, 64_412_950_528, 64.5462)]
)
def test_the_full_network_meets_its_figures(frames, macs, with_norm):
    counted = cost("eco_full", classes=400, frames=frames, rule="mac")
    assert (counted.params, counted.macs) == (47_502_128, macs)
    assert round(cost("eco_full", classes=400, frames=frames).macs / 1e9, 4) == with_norm


def test_four_lite_networks_meet_the_figures_of_the_ensemble():
    counted = [cost("eco_lite", classes=400, frames=t, rule="mac") for t in (16, 20, 24, 32)]
    assert sum(network.params for network in counted) == 150_015_424
    assert sum(network.macs for network in counted) == 267_296_800_768


def test_the_frame_path_of_the_full_network_ignores_the_order_of_frames():
    torch.manual_seed(0)
    net = eco_full(num_classes=5, stem_width=8, dropout=0.0).eval()
    clip = torch.randn(1, 1, 3, 4, 32, 32)
    frames = net.fc.in_features - 64
    with torch.no_grad():
        net.fc.weight[:, frames:] = 0
        assert torch.allclose(net(clip), net(clip.flip(3)), atol=1e-6)
        net.fc.weight[:] = torch.randn(5, frames + 64)
        net.fc.weight[:, :frames] = 0
        assert not torch.allclose(net(clip), net(clip.flip(3)), atol=1e-3)


def test_a_unit_keeps_its_input_or_halves_every_side():
    x = torch.randn(2, 8, 4, 6, 6)
    same, halved = Unit(8, 8).eval(), Unit(8, 16).eval()
    for parameter in same.conv2.parameters():
        torch.nn.init.zeros_(parameter)
    assert torch.equal(same(x), x)
    assert halved(x).shape == (2, 16, 2, 3, 3)
