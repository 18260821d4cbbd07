import pytest
import torch

from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.x3d import x3d
from harness.zoo.build import build
from harness.zoo.layers.gate import sixteenth
from harness.zoo.pretrained import from_official
from tests.helpers import golden_cases

TINY = {"depths": (2, 1, 1, 1), "stem_width": 8}


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


@pytest.mark.slow
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
