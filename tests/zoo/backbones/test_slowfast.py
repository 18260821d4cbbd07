import pytest
import torch

from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.slowfast import SlowFast, slow_frames
from harness.zoo.build import build
from harness.zoo.pretrained import from_official
from tests.helpers import golden_cases

CPU = torch.device("cpu")
TINY = {"depths": (1, 1, 1, 1), "stem_width": 8, "beta": 1 / 2}
R50_4X16, R50_8X8 = "slowfast_4x16_resnet50", "slowfast_8x8_resnet50"
R101, R101_FULL = "slowfast_8x8_resnet101", "slowfast_8x8_resnet101_full"


def test_a_window_larger_than_the_map_pools_the_whole_map():
    torch.manual_seed(0)
    net = SlowFast(num_classes=3, alpha=4, fusion_kernel=5, pool_side=7, **TINY).eval()
    x = torch.randn(1, 1, 3, 8, 64, 64)
    logits = net(x)
    net.pool_side = None
    assert torch.equal(net(x), logits)


@pytest.mark.parametrize("alpha", [1, 2, 4, 8])
def test_slow_frames_are_those_of_the_released_code(alpha):
    for num_slow in range(1, 33):
        last = num_slow * alpha - 1
        expected = torch.linspace(0, last, num_slow, dtype=torch.float64).long()
        assert slow_frames(num_slow * alpha, alpha, device=CPU).tolist() == expected.tolist()


@pytest.mark.parametrize(("frames", "alpha"), [(32, 8), (32, 4), (64, 4), (8, 4), (8, 8)])
def test_slow_frames_equal_those_of_rounded_floats(frames, alpha):
    expected = torch.linspace(0, frames - 1, frames // alpha).long()
    assert slow_frames(frames, alpha, device=CPU).tolist() == expected.tolist()


def test_frames_that_alpha_does_not_divide_are_refused():
    net = SlowFast(num_classes=3, alpha=4, fusion_kernel=5, **TINY)
    with pytest.raises(ValueError, match="10 frames are not a multiple of alpha=4; the slow path"):
        net(torch.zeros(1, 1, 3, 10, 32, 32))


def test_a_fast_pathway_without_channels_is_refused():
    with pytest.raises(ValueError, match=r"beta=0\.125 of stem_width=4 is less than one channel"):
        SlowFast(num_classes=3, alpha=4, fusion_kernel=5, depths=(1, 1, 1, 1), stem_width=4)


def test_modules_go_into_the_slow_pathway():
    spec = ModelSpec(
        backbone=R50_8X8, backbone_options=TINY, module="dsa", blocks={"res3": (0,), "res5": (0,)}
    )
    net = build(spec, DataSpec(name="any", num_classes=3))
    places = {name.partition(".slots.")[0] for name, _ in net.named_parameters() if "slots" in name}
    assert places == {"slow.res3.0", "slow.res5.0"}
    assert net.stage("res3")[0].slots.channels_at["before_conv1"] == 8 * 4 + 2 * 4 * 4
    assert net(torch.zeros(1, 4, 3, 8, 32, 32)).shape == (1, 3)


def test_frames_that_the_slow_pathway_skips_change_the_logits():
    torch.manual_seed(0)
    net = SlowFast(num_classes=3, alpha=4, fusion_kernel=5, **TINY).eval()
    x = torch.randn(1, 1, 3, 8, 32, 32)
    changed = x.clone()
    changed[:, :, :, 3] *= -1
    assert slow_frames(8, 4, device=CPU).tolist() == [0, 7]
    assert not torch.allclose(net(changed), net(x), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "code", "backbone"),
    [
        ("slowfast_4x16_r50_pyslowfast", "pyslowfast", R50_4X16),
        ("slowfast_8x8_r50_pyslowfast", "pyslowfast", R50_8X8),
        ("slowfast_8x8_r50_pytorchvideo", "pytorchvideo", R50_8X8),
        ("slowfast_r101_50_50_pyslowfast", "pyslowfast", R101),
    ],
)
def test_released_weights_tell_the_network(case, code, backbone):
    official = golden_cases.ghosts(case)
    with torch.device("meta"):
        found = from_official(f"slowfast-{code}", official)
        variant = from_official(f"slowfast-{code}", official, alpha=2, pool_side=7)
    assert (found.spec.backbone, found.spec.backbone_options) == (backbone, {})
    assert variant.spec.backbone_options == {"alpha": 2, "pool_side": 7}


@pytest.mark.slow
def test_weights_with_every_temporal_kernel_are_the_full_network():
    official = golden_cases.ghosts("slowfast_r101_50_50_pyslowfast")
    for name, tensor in official.items():
        if name.startswith("s4.") and name.endswith("branch2.a.weight"):
            official[name] = torch.empty(*tensor.shape[:2], 3, 1, 1, device="meta")
    with torch.device("meta"):
        found = from_official("slowfast-pyslowfast", official)
    assert (found.spec.backbone, found.spec.backbone_options) == (R101_FULL, {})


def test_thin_and_shallow_weights_give_options():
    sizes = golden_cases.golden("names/slowfast_4x16_r50_pyslowfast")["state_dict"]
    shallow = [
        (name, [extent // 2 if extent % 8 == 0 else extent for extent in shape])
        for name, shape in sizes
        if "s5.pathway0_res2" not in name and "s5.pathway1_res2" not in name
    ]
    official = golden_cases.state_dict(shallow, 0.8)
    found = from_official("slowfast-pyslowfast", official)
    assert found.spec.backbone == R50_4X16
    assert found.spec.backbone_options == {"depths": (3, 4, 6, 2), "stem_width": 32}
    assert found.net(torch.zeros(1, 1, 3, 8, 64, 64)).shape == (1, 12)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("slowonly_8x8_r50_pyslowfast", r"no tensor \*fast\.stem\.0\.weight in the file"),
        ("tsm_r50_8f", r"no tensor \*stem\.0\.weight in the file"),
    ],
)
def test_weights_of_other_networks_are_refused(case, message):
    with pytest.raises(ValueError, match=message):
        from_official("slowfast-pyslowfast", golden_cases.thin(case))
