import pytest
import torch
from einops import rearrange

from harness.zoo.modules.cgnl import CGNL
from tests.helpers import golden_cases

CASES = ("cgnl_module", "cgnl_module_3d")
NAMES = {"t": "theta", "p": "phi", "g": "g", "z": "out", "gn": "norm"}


def zoo_name(official):
    layer, kind = official.split(".")
    return f"{NAMES[layer]}.{kind}"


def as_clip(x):
    """View pictures as clips of one frame, and their kernels as those of clips."""
    return x.unsqueeze(2) if x.ndim == 4 else x


def released(name):
    """Return a golden case, its module with the weights, and its input."""
    case = golden_cases.golden(name)
    module = CGNL(32, num_snippets=1)
    official = golden_cases.state_dict(case["state_dict"], case["gain"])
    module.load_state_dict({zoo_name(name): as_clip(w) for name, w in official.items()})
    return case, module, golden_cases.clip(case["input"]["case_seed"], case["input"]["shape"])


@pytest.mark.parametrize("name", CASES)
def test_outputs_equal_the_released_code(name):
    case, module, x = released(name)
    error = (module(as_clip(x)) - as_clip(golden_cases.decoded(case["output_eval"]))).abs().max()
    assert error <= 1e-5 * case["checks"]["eval_std"]
    assert sum(p.numel() for p in module.parameters()) == case["num_parameters"]


@pytest.mark.parametrize("name", CASES)
def test_gradients_equal_the_released_code(name):
    case, module, x = released(name)
    weights = golden_cases.clip(case["input"]["case_seed"] + 1, case["input"]["shape"])
    (module(as_clip(x)) * as_clip(weights)).sum().backward()
    for official, stored in case["grads"].items():
        expected = as_clip(golden_cases.decoded(stored))
        error = (module.get_parameter(zoo_name(official)).grad - expected).abs().max()
        assert error <= 1e-4 * max(1, expected.abs().max()), official


def test_the_norm_leaves_only_the_sign_of_the_product():
    x = torch.randn(2, 16, 3, 4, 4)
    module = live()
    module.norm.eps = 0  # added to a small variance, it would be seen in the output
    y = module(x)
    with torch.no_grad():
        module.phi.weight *= 3
    assert torch.allclose(module(x), y, atol=1e-5)
    with torch.no_grad():
        module.phi.weight *= -1
    assert torch.allclose(module(x) - x, x - y, atol=1e-5)


def live():
    torch.manual_seed(0)
    return CGNL(16, num_snippets=2, groups=2, gamma=1.0)


def test_it_starts_as_the_identity():
    x = torch.randn(2, 16, 3, 4, 4)
    assert torch.equal(CGNL(16, num_snippets=2)(x), x)


def test_snippets_stay_apart():
    x = torch.randn(4, 16, 3, 4, 4)
    module = live()
    together = module(x)
    x[1:] *= -1
    assert torch.allclose(module(x)[0], together[0], atol=1e-6)


def test_frames_are_treated_like_pixels():
    x = torch.randn(2, 16, 3, 4, 4)
    module = live()
    tall = module(rearrange(x, "nu c t h w -> nu c 1 (t h) w"))
    assert torch.allclose(
        rearrange(tall, "nu c 1 (t h) w -> nu c t h w", t=3), module(x), atol=1e-6
    )


def test_channels_that_do_not_fill_the_groups_are_refused():
    with pytest.raises(ValueError, match="channels must be a multiple of 16"):
        CGNL(24, num_snippets=2)
