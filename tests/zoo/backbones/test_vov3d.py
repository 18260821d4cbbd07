import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.cost.count import count
from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.vov3d import OneShotBlock, vov3d
from harness.zoo.build import build
from harness.zoo.pretrained import from_official
from tests.helpers import golden_cases
from tests.helpers.costs import one_view, slow_if_deep

TINY = {"depths": (2, 1, 1, 1), "stem_width": 8, "num_units": 2}
# At 256 pixels the released head pools windows as of a training crop of 224.
WINDOW = {"crop": 256, "pool_side": 7}
SOMETHING = {"classes": 174, **WINDOW}
# Counted on the released code: parameters, multiply-adds, and 10^9 of them with batch norm.
COUNTED = {
    "M": (one_view("vov3d_m", frames=16, **WINDOW), 3_667_360, 6_425_952_640, "6.6760"),
    "L at 224": (one_view("vov3d_l", frames=16, crop=224), 6_297_168, 9_306_914_048, "9.5758"),
    "L": (one_view("vov3d_l", frames=16, **WINDOW), 6_297_168, 12_160_212_224, "12.5114"),
    "M, Something": (
        one_view("vov3d_m", frames=16, **SOMETHING),
        3_204_286,
        6_424_101_248,
        "6.6741",
    ),
    "L, Something": (
        one_view("vov3d_l", frames=16, **SOMETHING),
        5_834_094,
        12_158_360_832,
        "12.5095",
    ),
    "M, Something, 32 frames": (
        one_view("vov3d_m", frames=32, **SOMETHING),
        3_204_286,
        12_844_007_808,
        "13.3440",
    ),
    "L, Something, 32 frames": (
        one_view("vov3d_l", frames=32, **SOMETHING),
        5_834_094,
        24_311_880_960,
        "25.0142",
    ),
    "M of 2020 at 224": (
        one_view("vov3d_m_2020", frames=16, crop=224),
        3_800_448,
        4_418_802_176,
        "4.5744",
    ),
    "M of 2020, Something": (
        one_view("vov3d_m_2020", frames=16, **SOMETHING),
        3_337_374,
        5_773_939_200,
        "5.9772",
    ),
    "M of 2020, Something, 32 frames": (
        one_view("vov3d_m_2020", frames=32, **SOMETHING),
        3_337_374,
        11_543_204_352,
        "11.9498",
    ),
}


@pytest.mark.parametrize("name", slow_if_deep(COUNTED, deep="L"))
def test_counts_meet_the_released_code_to_the_last_digit(name):
    trial, params, macs, with_batch_norm = COUNTED[name]
    counted = count(trial, rule="mac")
    assert (counted.params, counted.macs) == (params, macs)
    assert f"{count(trial).macs / 1e9:.4f}" == with_batch_norm


def test_units_of_even_index_have_gates():
    block = OneShotBlock(8, 8, inner=16, index=1, num_units=5)
    gates = [not isinstance(unit.gate, nn.Identity) for unit in block.units]
    assert gates == [True, False, True, False, True]


def test_a_block_joins_its_input_and_the_output_of_every_unit():
    torch.manual_seed(0)
    block = OneShotBlock(8, 8, inner=16, index=1, num_units=2).eval()
    nn.init.ones_(block.project[1].weight)
    x = torch.rand(1, 8, 2, 4, 4)
    with torch.inference_mode():
        first = block.units[0](x)
        joined = torch.cat([x, first, block.units[1](first)], dim=1)
        assert torch.equal(block(x, 1), F.relu(block.project(joined) + x))


def test_a_strided_block_joins_outputs_only():
    block = OneShotBlock(8, 16, inner=32, index=0, num_units=2)
    assert block.project[0].weight.shape[1] == 2 * 16
    assert block(torch.rand(1, 8, 2, 4, 4), 1).shape == (1, 16, 2, 2, 2)


def test_blocks_start_as_their_shortcuts():
    second = vov3d(num_classes=3, **TINY).stage("res2")[1]
    x = torch.rand(1, 8, 2, 4, 4)
    assert torch.equal(second(x, 1), x)


@pytest.mark.parametrize("position", ["before_conv1", "after_block"])
def test_modules_sit_before_and_behind_a_block(position):
    spec = ModelSpec(
        backbone="vov3d_m",
        backbone_options=TINY,
        module="dsa",
        position=position,
        blocks={"res2": (1,), "res4": (0,)},
    )
    net = build(spec, DataSpec(name="any", num_classes=3))
    assert net(torch.randn(1, 4, 3, 2, 32, 32)).shape == (1, 3)


@pytest.mark.parametrize("name", ["m", "l"])
def test_released_weights_tell_the_network(name):
    official = golden_cases.ghosts(f"vov3d_{name}_16f")
    with torch.device("meta"):
        found = from_official("vov3d", official)
        window = from_official("vov3d", official, pool_side=7)
    assert (found.spec.backbone, found.spec.backbone_options) == (f"vov3d_{name}", {})
    assert window.spec.backbone_options == {"pool_side": 7}


def test_weights_without_units_are_refused():
    with pytest.raises(ValueError, match="no units in the blocks of the file; check the check"):
        from_official("vov3d", golden_cases.ghosts("x3d_m_pyslowfast"))
