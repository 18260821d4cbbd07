from functools import partial

import pytest
import torch
import torch.nn.functional as F

from harness.specs import ModelSpec
from harness.zoo.backbones.tanet import TAM
from harness.zoo.modules.dsa import DSA
from tests.helpers.costs import giga, one_clip

deep = partial(pytest.param, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("layers", "clip", "figures"),
    [
        (50, {"frames": 8, "crop": 256}, (25590320, 42783450112, "43.0158")),
        (50, {"frames": 16, "crop": 256}, (25597744, 85567866880, "86.0327")),
        deep(101, {"frames": 8, "crop": 256}, (45702272, 81608791040, "81.9483")),
        deep(101, {"frames": 16, "crop": 256}, (45717584, 163219662848, "163.8987")),
        deep(152, {"frames": 16, "crop": 256}, (62292080, 240880584704, "241.8241")),
        (50, {"frames": 8}, (25590320, 32760128512, "32.9381")),
        (50, {"frames": 8, "crop": 256, "classes": 174}, (25127246, 42779747328, "43.0121")),
    ],
)
def test_costs_equal_the_released_code(layers, clip, figures):
    options = {"num_frames": clip["frames"]}
    model = ModelSpec(backbone=f"tanet_resnet{layers}", backbone_options=options)
    params, macs, with_norm = one_clip(model, **clip)
    assert (params, macs, giga(with_norm)) == figures


@pytest.fixture
def module():
    torch.manual_seed(0)
    return TAM(8, num_frames=4).eval()


def test_every_channel_is_a_gated_correlation_over_frames(module):
    x = torch.randn(3, 8, 4, 2, 2)
    means = x.mean((3, 4))
    kernels = module.generator(means.flatten(0, 1))
    gated = (x * module.gate(means)[..., None, None]).flatten(0, 1)  # rows of frames
    plane = gated.flatten(2)[None]
    expected = F.conv2d(plane, kernels[:, None, :, None], padding=(1, 0), groups=24)
    assert torch.allclose(module(x), expected.view(3, 8, 4, 2, 2), atol=1e-6)


def test_its_generator_is_that_of_dsa(module):
    shapes = [
        [(name, p.shape) for name, p in net.generator.named_parameters()]
        for net in (module, DSA(8, num_snippets=4))
    ]
    assert shapes[0] == shapes[1]


def test_frames_stay_inside_their_snippet(module):
    x = torch.randn(4, 8, 4, 2, 2)
    assert torch.allclose(module(x)[1:2], module(x[1:2]), atol=1e-6)


@pytest.mark.parametrize("frames", [2, 8])
def test_another_number_of_frames_is_refused(module, frames):
    with pytest.raises(ValueError, match=f"{frames} frames per snippet in a TAM built for T = 4"):
        module(torch.randn(1, 8, frames, 2, 2))
