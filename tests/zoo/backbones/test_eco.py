"""ECO: its units, and the two paths of ECO Full."""

import torch

from harness.zoo.backbones.inception.eco import Unit, eco_full


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
