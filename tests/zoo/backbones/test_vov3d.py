import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.vov3d import OneShotBlock, vov3d
from harness.zoo.build import build
from harness.zoo.pretrained import from_official
from tests.helpers import golden_cases

TINY = {"depths": (2, 1, 1, 1), "stem_width": 8, "num_units": 2}


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


@pytest.mark.slow
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
