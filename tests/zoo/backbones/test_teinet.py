import pytest
import torch

from harness.zoo.backbones.residual.teinet import TEI
from harness.zoo.backbones.residual.tsm import TemporalShift


@pytest.fixture
def module():
    torch.manual_seed(0)
    return TEI(16).eval()


def test_it_starts_as_a_shift_of_gated_frames(module):
    x = torch.randn(2, 16, 4, 3, 3)
    frames = x.mean((3, 4)).transpose(1, 2)
    gates = torch.ones(2, 4, 16)
    for t in range(3):
        change = module.squeeze_next(frames[:, t + 1]) - module.squeeze(frames[:, t])
        gates[:, t] = module.expand(change).sigmoid()
    gated = x * gates.transpose(1, 2)[..., None, None]
    assert torch.allclose(module(x), TemporalShift(16)(gated), atol=1e-6)


def test_the_last_frame_is_not_gated(module):
    torch.nn.init.zeros_(module.expand.weight)
    x = torch.randn(1, 16, 3, 2, 2)
    y = module(x)[:, 4:]
    assert torch.allclose(y[:, :, :2], x[:, 4:, :2] / 2)
    assert torch.equal(y[:, :, 2], x[:, 4:, 2])


def test_frames_stay_inside_their_snippet(module):
    x = torch.randn(4, 16, 4, 2, 2)
    assert torch.allclose(module(x)[1:2], module(x[1:2]), atol=1e-6)
