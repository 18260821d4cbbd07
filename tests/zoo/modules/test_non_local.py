import pytest
import torch

from harness.zoo.checkpoints.fair.pyslowfast_i3d import I3D_PYSLOWFAST
from harness.zoo.checkpoints.rename import rename
from harness.zoo.modules.non_local import NonLocal, pool_pixels
from tests.helpers import golden_cases

ATTENTIONS = ("softmax", "dot_product")


def zoo_name(official):
    place = rename(f"s2.pathway0_nonlocal0.{official}", I3D_PYSLOWFAST)
    return place.removeprefix("res2.0.slots.after_block.")


def released(attention):
    """Return a golden case, its module with the weights, and its input."""
    case = golden_cases.golden(f"nonlocal_module_{attention}")
    module = NonLocal(32, num_snippets=1, attention=attention)
    official = golden_cases.state_dict(case["state_dict"], case["gain"])
    module.load_state_dict({zoo_name(name): tensor for name, tensor in official.items()})
    return case, module, golden_cases.clip(case["input"]["case_seed"], case["input"]["shape"])


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_outputs_equal_the_released_code(attention, mode):
    case, module, x = released(attention)
    y = module.train(mode == "train")(x)
    error = (y - golden_cases.decoded(case[f"output_{mode}"])).abs().max()
    assert error <= 1e-5 * case["checks"][f"{mode}_std"]
    assert sum(p.numel() for p in module.parameters()) == case["num_parameters"]


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_gradients_and_running_averages_equal_the_released_code(attention):
    case, module, x = released(attention)
    weights = golden_cases.clip(case["input"]["case_seed"] + 1, case["input"]["shape"])
    (module.train()(x) * weights).sum().backward()
    for official, stored in case["grads"].items():
        expected = golden_cases.decoded(stored)
        error = (module.get_parameter(zoo_name(official)).grad - expected).abs().max()
        assert error <= 1e-4 * max(10, expected.abs().max()), official  # some are rounding alone
    for official, values in case["after_train_step"].items():
        buffer = module.get_buffer(zoo_name(official))
        assert torch.allclose(buffer, torch.tensor(values, dtype=buffer.dtype), atol=1e-6)


def live(**options):
    """Return a block whose branch contributes."""
    torch.manual_seed(0)
    module = NonLocal(8, num_snippets=2, gamma=1.0, **options).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return module


def test_it_starts_as_the_identity():
    x = torch.randn(2, 8, 3, 4, 4)
    assert torch.equal(NonLocal(8, num_snippets=2)(x), x)


def test_snippets_stay_apart():
    x = torch.randn(4, 8, 3, 4, 4)
    module = live()
    together = module(x)
    x[1:] *= -1
    assert torch.allclose(module(x)[0], together[0], atol=1e-6)


def test_a_pixel_sees_every_frame():
    x, y = torch.randn(2, 1, 8, 3, 4, 4)
    y[:, :, 1:] = x[:, :, 1:]
    module = live()
    assert (module(x) - module(y))[:, :, 2].abs().max() > 1e-3


@pytest.mark.parametrize("attention", ["softmax", "embedded_gaussian"])
def test_weights_of_keys_sum_to_one(attention):
    weights = live(attention=attention).weigh(torch.randn(2, 5, 7), width=4)
    assert torch.allclose(weights.sum(2), torch.ones(2, 5))


def test_the_scale_divides_by_the_root_of_the_width():
    products = torch.randn(2, 5, 7)
    scaled = live(attention="softmax").weigh(products, width=4)
    assert torch.equal(scaled, live(attention="embedded_gaussian").weigh(products / 2, width=4))


def test_a_dot_product_is_divided_by_the_number_of_keys():
    products = torch.randn(2, 5, 7)
    assert torch.equal(live(attention="dot_product").weigh(products, width=4), products / 7)


def test_keys_may_be_pooled_before_or_after_their_convolution():
    x = torch.randn(2, 8, 3, 4, 4)
    before, after, none = (live(pooling=pooling)(x) for pooling in ("before", "after", "none"))
    assert not torch.allclose(before, after, atol=1e-3)
    assert not torch.allclose(after, none, atol=1e-3)
    flat = torch.randn(2, 8, 3, 2, 2)[:, :, :, :1, :1].expand(2, 8, 3, 2, 2)
    assert torch.allclose(live(pooling="before")(flat), live(pooling="none")(flat), atol=1e-5)


def test_pooling_drops_an_odd_row_and_keeps_a_single_pixel():
    assert pool_pixels(torch.randn(2, 8, 3, 7, 1)).shape == (2, 8, 3, 3, 1)


def test_groups_of_frames_attend_like_snippets_of_their_own():
    x = torch.randn(2, 8, 6, 4, 4)
    grouped = live(group_frames=3, grouped_channels=8)(x)
    apart = torch.cat([live()(part) for part in x.split(3, dim=2)], dim=2)
    assert torch.allclose(grouped, apart, atol=1e-6)


def test_only_maps_of_the_grouped_channels_are_grouped():
    x = torch.randn(2, 8, 6, 4, 4)
    assert torch.equal(live(group_frames=3)(x), live()(x))


def test_frames_that_do_not_fill_their_groups_are_refused():
    with pytest.raises(ValueError, match="6 frames do not fill groups of group_frames=4"):
        live(group_frames=4, grouped_channels=8)(torch.randn(2, 8, 6, 4, 4))


@pytest.mark.parametrize("option", ["attention", "pooling"])
def test_an_unknown_choice_is_refused(option):
    with pytest.raises(ValueError, match=f"{option}='gaussian' is not a choice"):
        NonLocal(8, num_snippets=2, **{option: "gaussian"})
