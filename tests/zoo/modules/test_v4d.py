from dataclasses import replace

import pytest
import torch

from harness.specs import DataSpec, ModelSpec
from harness.zoo.build import build
from harness.zoo.modules.v4d import V4D, conv4d_by_taps, conv4d_flat

DATA = DataSpec(name="any", num_classes=12)
PLAIN = ModelSpec(
    backbone="i3d_resnet18",
    backbone_options={"depths": (1, 2, 2, 1), "stem_width": 8},
    dropout=0.0,
)
PLACED = replace(PLAIN, module="v4d", position="after_block", blocks={"res3": (1,), "res4": (1,)})


@pytest.mark.parametrize("extents", [(3, 3), (3, 1), (1, 3), (5, 3)])
@pytest.mark.parametrize("num_snippets", [3, 6])
def test_one_convolution_and_the_sum_over_taps_agree(extents, num_snippets):
    torch.manual_seed(0)
    x = torch.randn(6, 3, 4, 5, 5, dtype=torch.double, requires_grad=True)
    weight = torch.randn(2, 3, *extents, 1, 1, dtype=torch.double, requires_grad=True)
    one = conv4d_flat(x, weight, num_snippets=num_snippets)
    taps = conv4d_by_taps(x, weight, num_snippets=num_snippets)
    assert torch.allclose(one, taps, atol=1e-12)
    ours, theirs = (torch.autograd.grad(y.square().sum(), (x, weight)) for y in (one, taps))
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(ours, theirs, strict=True))


def test_an_impulse_gives_the_kernel_back_mirrored():
    weight = torch.randn(1, 1, 3, 3, 3, 3)
    x = torch.zeros(10, 1, 5, 5, 5)
    x[7, 0, 2, 2, 2] = 1
    y = conv4d_by_taps(x, weight, num_snippets=5)
    assert not y[:5].any()
    assert torch.allclose(y[6:9, 0, 1:4, 1:4, 1:4], weight[0, 0].flip(0, 1, 2, 3), atol=1e-6)


def test_zeros_stand_beyond_both_ends_of_the_snippets():
    weight = torch.zeros(1, 1, 3, 1, 1, 1)
    weight[0, 0, 2] = 1
    x = torch.arange(1.0, 9.0).reshape(8, 1, 1, 1, 1)
    y = conv4d_by_taps(x, weight, num_snippets=4).flatten()
    assert y.tolist() == [2, 3, 4, 0, 6, 7, 8, 0]


@pytest.mark.parametrize("options", [{}, {"norm": True}, {"kernel": (3, 3, 3, 3)}])
def test_a_zero_weight_leaves_the_network_as_it_was(options):
    torch.manual_seed(0)
    plain = build(PLAIN, DATA).eval()
    net = build(replace(PLACED, module_options=options), DATA).eval()
    net.load_state_dict(plain.state_dict(), strict=False)
    for stage in ("res3", "res4"):
        torch.nn.init.zeros_(net.stage(stage)[1].slots["after_block"].weight)
    x = torch.randn(2, 4, 3, 4, 32, 32)
    assert torch.equal(net(x), plain(x))


def test_a_network_for_four_snippets_runs_with_ten():
    net = build(PLACED, DATA).eval()
    x = torch.randn(2, 10, 3, 2, 32, 32)
    assert torch.allclose(net(x)[1:], net(x[1:]), atol=1e-5)


@pytest.mark.parametrize("kernel", [(3, 3, 1), (2, 3, 1, 1), (9, 3, 1, 1)])
def test_impossible_kernels_are_refused(kernel):
    with pytest.raises(ValueError, match="kernel"):
        V4D(8, num_snippets=4, kernel=kernel)
