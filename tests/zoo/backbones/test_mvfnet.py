import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from harness.specs import ModelSpec
from harness.zoo.backbones.mvfnet import MVF
from tests.helpers.costs import giga, one_clip

deep = partial(pytest.param, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("layers", "frames", "figures", "printed"),
    [
        (50, 4, (24342416, 16359950336, "16.4507"), "16.454"),
        (50, 8, (24342416, 32719900672, "32.9013"), "32.909"),
        (50, 16, (24342416, 65439801344, "65.8027"), "65.817"),
        deep(101, 4, (43358480, 31224188928, "31.3593"), "31.363"),
        deep(101, 8, (43358480, 62448377856, "62.7185"), "62.726"),
        deep(101, 16, (43358480, 124896755712, "125.4371"), "125.452"),
    ],
)
def test_costs_equal_the_released_code(layers, frames, figures, printed):
    """Its counter sees the classifier twice, and 49 additions and a division per pooled mean."""
    model = ModelSpec(backbone=f"mvfnet_resnet{layers}")
    params, macs, with_norm = one_clip(model, frames=frames)
    assert (params, macs, giga(with_norm)) == figures
    theirs = with_norm + frames * (2048 * 400 + 2048 * (49 + 1))
    assert giga(theirs, 3) == printed
    exact = {(50, 4): 16454354944, (50, 8): 32908709888}
    assert exact.get((layers, frames), theirs) == theirs


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
