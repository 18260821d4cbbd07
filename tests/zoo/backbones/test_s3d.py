"""S3D: the head and the gates."""

import pytest
import torch
from torchvision.models.video import S3D_Weights

from harness.zoo.backbones.inception.s3d import Gate, s3d, s3d_g
from tests.helpers.costs import cost


def test_torchvision_prints_the_same_figures():
    meta = S3D_Weights.KINETICS400_V1.meta
    counted = cost("s3d", classes=400, frames=16, rule="mac")
    assert (counted.params, round(counted.macs / 1e9, 3)) == (meta["num_params"], meta["_ops"])


def test_pairs_of_neighbouring_time_steps_are_classified():
    torch.manual_seed(0)
    net = s3d(num_classes=5, stem_width=8, stem_stride=1).eval()
    clip = torch.randn(1, 1, 3, 12, 16, 16)
    steps = net.features(clip[:, 0]).mean(dim=(3, 4))[0].T
    assert len(steps) == 3
    pairs = torch.stack([steps[:2].mean(dim=0), steps[1:].mean(dim=0)])
    assert torch.allclose(net(clip), net.fc(pairs).mean(dim=0, keepdim=True), atol=1e-5)


@pytest.mark.parametrize(("gates", "count"), [("separable", 2 + 9 * 2), ("branches", 9 * 4)])
def test_gates_stand_at_the_chosen_place(gates, count):
    with torch.device("meta"):
        net = s3d_g(num_classes=5, gates=gates)
    assert sum(isinstance(layer, Gate) for layer in net.modules()) == count


def test_a_gate_scales_channels_by_the_means_of_the_snippet():
    gate, x = Gate(3), torch.randn(2, 3, 4, 5, 6)
    gates = gate.linear(x.mean(dim=(2, 3, 4))).sigmoid()
    assert torch.allclose(gate(x), x * gates[:, :, None, None, None], atol=1e-6)


def test_an_unknown_place_of_gates_is_refused():
    with pytest.raises(ValueError, match="gates='all' is not a choice; set one of none, separable"):
        s3d_g(num_classes=5, gates="all")
