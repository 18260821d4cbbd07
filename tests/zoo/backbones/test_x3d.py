import pytest
import torch

from harness.cost.count import count
from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.x3d import x3d
from harness.zoo.build import build
from harness.zoo.layers.gate import sixteenth
from harness.zoo.pretrained import from_official
from tests.helpers import golden_cases
from tests.helpers.costs import one_view, slow_if_deep

TINY = {"depths": (2, 1, 1, 1), "stem_width": 8}
# PyTorchVideo has no batch norm in the first shortcut, and pools windows as of a training crop.
M_WINDOW = {"crop": 256, "shortcut_norm": False, "pool_side": 7}
L_WINDOW = {"crop": 356, "shortcut_norm": False, "pool_side": 10}
# So does the code of VoV3D, whose training crop is 224.
SOMETHING = {"classes": 174, "crop": 256, "pool_side": 7}
# Counted on the released code: parameters, multiply-adds, and 10^9 of them with batch norm.
COUNTED = {
    "M": (one_view("x3d_m", frames=16, crop=256), 3_794_322, 6_180_613_376, "6.3977"),
    "M at 224": (one_view("x3d_m", frames=16, crop=224), 3_794_322, 4_732_468_736, "4.8987"),
    "M, Something": (
        one_view("x3d_m", frames=16, **SOMETHING),
        3_331_248,
        6_183_873_792,
        "6.4009",
    ),
    "L": (one_view("x3d_l", frames=16, crop=356), 6_153_432, 24_764_017_280, "25.5140"),
    "L at 312": (one_view("x3d_l", frames=16, crop=312), 6_153_432, 18_367_710_176, "18.9325"),
    "L at 224": (one_view("x3d_l", frames=16, crop=224), 6_153_432, 9_162_671_072, "9.4481"),
    "L, Something": (
        one_view("x3d_l", frames=16, **SOMETHING),
        5_690_358,
        11_970_210_528,
        "12.3430",
    ),
}
# PyTorchVideo prints a batch norm as five multiply-adds per element.
COUNTED_WINDOWS = {
    "M": (one_view("x3d_m", frames=16, **M_WINDOW), 3_794_274, 6_185_725_184, "6.7205"),
    "L": (one_view("x3d_l", frames=16, **L_WINDOW), 6_153_384, 24_777_648_768, "26.6373"),
}


@pytest.mark.parametrize("name", slow_if_deep(COUNTED, deep="L"))
def test_counts_meet_the_released_code_to_the_last_digit(name):
    trial, params, macs, with_batch_norm = COUNTED[name]
    counted = count(trial, rule="mac")
    assert (counted.params, counted.macs) == (params, macs)
    assert f"{count(trial).macs / 1e9:.4f}" == with_batch_norm


@pytest.mark.parametrize("name", slow_if_deep(COUNTED_WINDOWS, deep="L"))
def test_a_window_over_a_larger_map_costs_a_head_at_every_position(name):
    trial, params, macs, with_batch_norm = COUNTED_WINDOWS[name]
    counted = count(trial, rule="mac")
    assert (counted.params, counted.macs) == (params, macs)
    elements = (count(trial, rule="mac+2bn").macs - macs) / 2
    assert f"{(macs + 5 * elements) / 1e9:.4f}" == with_batch_norm


def test_hidden_layers_of_gates_are_rounded_to_multiples_of_eight():
    widths = {54: 8, 108: 8, 216: 16, 432: 32, 320: 24, 40: 8, 384: 24}
    assert {channels: sixteenth(channels) for channels in widths} == widths


def test_even_blocks_have_gates_and_start_as_their_shortcuts():
    net = x3d(num_classes=3, **TINY)
    first, second = net.stage("res2")
    assert (hasattr(first.gate, "gate"), hasattr(second.gate, "gate")) == (True, False)
    x = torch.rand(1, 8, 2, 4, 4)
    assert torch.equal(second(x, 1), x)


def test_a_module_sits_behind_the_swish_of_the_depthwise_convolution():
    spec = ModelSpec(
        backbone="x3d_m",
        backbone_options=TINY,
        module="dsa",
        position="after_conv2",
        blocks={"res3": (0,)},
    )
    net = build(spec, DataSpec(name="any", num_classes=3))
    seen = []
    net.stage("res3")[0].slots["after_conv2"].register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    assert net(torch.randn(1, 4, 3, 2, 32, 32)).shape == (1, 3)
    assert seen[0].shape[1] == 36
    assert -0.2785 < seen[0].min() < 0


@pytest.mark.parametrize(
    ("case", "family", "backbone", "options"),
    [
        ("x3d_m_pyslowfast", "x3d-pyslowfast", "x3d_m", {}),
        ("x3d_l_pyslowfast", "x3d-pyslowfast", "x3d_l", {}),
        ("x3d_m_pytorchvideo", "x3d-pytorchvideo", "x3d_m", {"shortcut_norm": False}),
    ],
)
def test_released_weights_tell_the_network(case, family, backbone, options):
    official = golden_cases.ghosts(case)
    with torch.device("meta"):
        found = from_official(family, official)
        window = from_official(family, official, pool_side=7)
    assert (found.spec.backbone, found.spec.backbone_options) == (backbone, options)
    assert window.spec.backbone_options == options | {"pool_side": 7}


def test_weights_of_the_other_code_base_are_refused():
    official = golden_cases.ghosts("x3d_m_pyslowfast")
    with pytest.raises(ValueError, match="no tensors of res2, res3, res4, res5 in the file"):
        from_official("x3d-pytorchvideo", official)


def test_a_kernel_wider_than_a_pixel_is_no_linear_layer():
    official = golden_cases.ghosts("x3d_m_pyslowfast")
    official["head.lin_5.weight"] = torch.empty(2048, 432, 1, 3, 3, device="meta")
    message = r"hidden\.weight has shape \(2048, 3888\), in the network \(2048, 432\)"
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        from_official("x3d-pyslowfast", official)
