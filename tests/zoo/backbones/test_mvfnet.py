import math

import pytest
import torch
import torch.nn.functional as F

from harness.zoo.backbones.residual.mvfnet import MVF


@pytest.fixture
def module():
    torch.manual_seed(0)
    return MVF(16)


def test_an_eighth_of_the_channels_is_convolved_along_each_axis(module):
    x = torch.randn(3, 16, 4, 5, 5)
    y = module.eval()(x)
    views = [
        F.conv3d(x[:, :2], conv.weight, padding=padding, groups=2)
        for conv, padding in (
            (module.time, (1, 0, 0)),
            (module.height, (0, 1, 0)),
            (module.width, (0, 0, 1)),
        )
    ]
    assert torch.allclose(y[:, :2], F.hardswish(module.norm(sum(views))), atol=1e-6)
    assert torch.equal(y[:, 2:], x[:, 2:])


def test_frames_stay_inside_their_snippet(module):
    x = torch.randn(4, 16, 4, 2, 2)
    assert torch.allclose(module.eval()(x)[1:2], module(x[1:2]), atol=1e-6)


def test_kernels_start_with_the_variance_of_the_released_code():
    torch.manual_seed(0)
    assert MVF(8192).time.weight.std().item() == pytest.approx(math.sqrt(2 / (3 * 1024)), rel=0.05)


def test_channels_too_few_to_share_are_refused():
    with pytest.raises(ValueError, match="channels=7 has no eighth"):
        MVF(7)
