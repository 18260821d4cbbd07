import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from harness.zoo.layers.dynamic import SnippetMix
from harness.zoo.modules.dsa import DSA
from tests.helpers import golden_cases

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "dsa_module.npz")
SHAPES = {"0.weight": [8, 4], "1.weight": [8], "1.bias": [8], "3.weight": [3, 8]}
SHAPES |= {"1.running_mean": [8], "1.running_var": [8], "1.num_batches_tracked": []}


@pytest.fixture
def original():
    """The module of the golden case, with its weights."""
    module = DSA(32, num_snippets=4, alpha=2, beta=1 / 8)
    weights = {
        f"generator.{name}": golden_cases.tensor(f"generate.{name}", shape)
        for name, shape in SHAPES.items()
    }
    module.load_state_dict(weights)
    return module


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_outputs_equal_the_released_code(original, mode):
    original.train(mode == "train")
    x = golden_cases.clip(1001, [8, 32, 4, 6, 6])
    y = original(x, 4).detach()
    assert np.abs(y[:, :4].numpy() - GOLDEN[f"output_{mode}"]).max() < 1e-5
    assert torch.equal(y[:, 4:], x[:, 4:])


def test_gradients_equal_the_released_code(original):
    original.train()
    y = original(golden_cases.clip(1001, [8, 32, 4, 6, 6]), 4)
    (y * golden_cases.clip(1002, [8, 32, 4, 6, 6])).sum().backward()
    for name, parameter in original.generator.named_parameters():
        expected = GOLDEN[f"grad.generate.{name}"]
        assert np.abs(parameter.grad.numpy() - expected).max() < 1e-4 * np.abs(expected).max()


def test_kernels_equal_the_released_code(original):
    x = golden_cases.clip(1001, [8, 32, 4, 6, 6])[:, :4]
    means = rearrange(x.mean((2, 3, 4)), "(n u) c -> (n c) u", u=4)
    taps = original.eval().generator(means).detach().numpy()
    assert np.abs(taps - GOLDEN["kernel_eval"]).max() < 1e-6


@pytest.mark.parametrize(("num_snippets", "taps"), [(4, 3), (4, 1), (4, 7), (8, 3), (3, 5)])
def test_the_mix_equals_a_grouped_convolution(num_snippets, taps):
    torch.manual_seed(0)
    x = torch.randn(2, num_snippets, 5, 3, 4, 4, dtype=torch.double, requires_grad=True)
    kernels = torch.randn(2, 5, taps, dtype=torch.double, requires_grad=True)
    mix = SnippetMix(num_snippets, kernel_size=taps).double()
    grouped = F.conv2d(
        rearrange(x, "n u c t h w -> 1 (n c) u (t h w)"),
        rearrange(kernels, "n c l -> (n c) 1 l 1"),
        padding=(taps // 2, 0),
        groups=10,
    )
    expected = rearrange(grouped, "1 (n c) u (t h w) -> n u c t h w", n=2, t=3, h=4)
    assert torch.allclose(mix(x, kernels), expected, atol=1e-12)
    weights = torch.randn_like(x)
    ours = torch.autograd.grad((mix(x, kernels) * weights).sum(), (x, kernels))
    theirs = torch.autograd.grad((expected * weights).sum(), (x, kernels))
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(("alpha", "params"), [(1, 36), (2, 72), (4, 144), (8, 288)])
def test_parameters_are_36_alpha(alpha, params):
    module = DSA(64, num_snippets=4, alpha=alpha)
    assert sum(parameter.numel() for parameter in module.parameters()) == params


def test_each_video_is_mixed_alone(original):
    original.eval()
    x = golden_cases.clip(3, [8, 32, 4, 6, 6])
    together = original(x, 4)
    assert torch.equal(together[4:], original(torch.cat([x[:4] * 2, x[4:]]), 4)[4:])
    assert torch.allclose(together[:4], original(x[:4], 4), atol=1e-6)


def test_the_order_of_snippets_matters(original):
    original.eval()
    x = golden_cases.clip(3, [4, 32, 4, 6, 6])
    assert not torch.allclose(original(x, 4).mean(0), original(x.flip(0), 4).mean(0), atol=1e-3)


def test_an_identity_is_added_to_the_mixed_channels_alone(original):
    module = DSA(32, num_snippets=4, alpha=2, beta=1 / 8, identity=True).eval()
    module.load_state_dict(original.state_dict())
    x = golden_cases.clip(3, [8, 32, 4, 6, 6])
    y = original.eval()(x, 4)
    assert torch.allclose(module(x, 4)[:, :4], y[:, :4] + x[:, :4], atol=1e-6)
    assert torch.equal(module(x, 4)[:, 4:], x[:, 4:])


def test_it_is_stable_under_autocast(original):
    x = golden_cases.clip(3, [4, 32, 4, 6, 6]).requires_grad_()
    exact = original.eval()(x, 4)
    (exact_gradient,) = torch.autograd.grad(exact.square().sum(), x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = original(x, 4)
    (gradient,) = torch.autograd.grad(y.float().square().sum(), x)
    assert (y - exact).abs().max() < 0.05
    assert (gradient - exact_gradient).abs().max() < 0.05 * exact_gradient.abs().max()


@pytest.mark.slow
def test_it_compiles_into_one_graph():
    # a process of its own: the shape checks of the tests cannot be compiled
    program = """
import torch
from harness.zoo.modules.dsa import DSA
module = DSA(32, num_snippets=4, beta=1 / 8)
compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
x = torch.randn(8, 32, 4, 6, 6, requires_grad=True)
outputs, gradients = [], []
for run in (module, compiled):
    outputs.append(run(x, 4))
    gradients += torch.autograd.grad(outputs[-1].square().sum(), x)
assert torch.allclose(*outputs, atol=1e-6)
assert torch.allclose(*gradients, atol=1e-5)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "options", [{"beta": 0.0}, {"beta": 1.5}, {"kernel_size": 2}, {"kernel_size": 9}]
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(ValueError, match=r"beta|kernel_size"):
        DSA(64, num_snippets=4, **options)


@pytest.mark.parametrize("num_snippets", [2, 8])
def test_another_number_of_snippets_is_refused(original, num_snippets):
    with pytest.raises(ValueError, match=f"{num_snippets} snippets per pass .* built for U = 4"):
        original(golden_cases.clip(3, [8, 32, 4, 6, 6]), num_snippets)
