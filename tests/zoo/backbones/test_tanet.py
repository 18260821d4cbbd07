import pytest
import torch
import torch.nn.functional as F

from harness.zoo.backbones.residual.tanet import TAM
from harness.zoo.modules.dsa import DSA


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
