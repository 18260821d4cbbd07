"""Parity with the released code of each family, and weights that must be refused."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from harness.specs import DataSpec
from harness.zoo.build import build
from harness.zoo.pretrained import from_official
from tests.helpers import golden_cases

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {
    **{path.stem: "dsanet" for path in sorted(GOLDEN.glob("dsanet_*.json"))},
    "tsm_r50_8f": "tsm",
    "tanet_r50_8f": "tanet",
    "slowonly_8x8_r50_pyslowfast": "slowonly-pyslowfast",
    "slowonly_8x8_r50_pytorchvideo": "slowonly-pytorchvideo",
    "i3d_8x8_r50_pyslowfast": "i3d-pyslowfast",
    "tsn_bninception_8f": "tsn-bninception",
    "trn_multiscale_bninception_8f": "trn",
    "eco_lite_8f": "eco",
    "s3d_torchvision": "torchvision-video",
    "r2plus1d_18_torchvision": "torchvision-video",
    "slowfast_8x8_r50_pytorchvideo": "slowfast-pytorchvideo",
    "x3d_m_pytorchvideo": "x3d-pytorchvideo",
}
NAMES = {  # lists in golden/names, by the family that reads them
    "c2d_8x8_r50_pyslowfast": "c2d-pyslowfast",
    "i3d_8x8_r50_pyslowfast": "i3d-pyslowfast",
    "i3d_nln_8x8_r50_pyslowfast": "i3d-pyslowfast",
    "i3d_nln_8x8_r101_pyslowfast": "i3d-pyslowfast",
    "tsm_r50_nl_8f": "tsm",
    "tsm_r101_8f": "tsm",
    "tanet_r50_16f": "tanet",
    "tanet_r101_8f": "tanet",
    "mvfnet_r50_8f": "mvfnet",
    "mvfnet_r101_8f": "mvfnet",
    "tea_r50_8f": "tea",
    "slowfast_4x16_r50_pyslowfast": "slowfast-pyslowfast",
    "slowfast_8x8_r50_pyslowfast": "slowfast-pyslowfast",
    "slowfast_r101_50_50_pyslowfast": "slowfast-pyslowfast",
    "slowfast_8x8_r50_pytorchvideo": "slowfast-pytorchvideo",
    "x3d_m_pyslowfast": "x3d-pyslowfast",
    "x3d_l_pyslowfast": "x3d-pyslowfast",
    "x3d_m_pytorchvideo": "x3d-pytorchvideo",
    "vov3d_m_16f": "vov3d",
    "vov3d_l_16f": "vov3d",
    "tsn_bninception_8f": "tsn-bninception",
    "trn_multiscale_bninception_8f": "trn",
    "trn_multiscale_all_bninception_8f": "trn",
    "eco_lite_8f": "eco",
    "eco_full_8f": "eco",
    "s3d_kylemin": "s3d-kylemin",
    "s3d_torchvision": "torchvision-video",
    "tsn_inception_v3_4f": "tsn-inception-v3",
    "r2plus1d_18_torchvision": "torchvision-video",
    "mvit_v2_s_torchvision": "torchvision-video",
    "swin3d_t_torchvision": "torchvision-video",
}
POSITIONS = {
    "res_1": "before_conv1",
    "res_2": "after_conv1",
    "res_3": "after_conv2",
    "res_4": "after_conv3",
    "bottom": "after_block",
}
LAYOUTS = {
    "N,U,C,T,H,W": "n u c t h w -> n u c t h w",
    "N,C,T,H,W": "n c t h w -> n 1 c t h w",
    "N,T,C,H,W": "n t c h w -> n 1 c t h w",
}


def imported(case):
    """Import a golden case, giving what its weights cannot tell."""
    golden = golden_cases.golden(case)
    module = golden.get("module")
    official = golden_cases.state_dict(golden["state_dict"], golden["gain"])
    told = {}
    if module:
        told = {"position": POSITIONS[module["insert_place"]], "beta": module["split_ratio"]}
    return from_official(CASES[case], official, **told)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if "r18" in case else pytest.mark.slow) for case in CASES],
)
def test_logits_equal_the_released_code(case):
    golden, found = golden_cases.golden(case), imported(case)
    if "relation_tuples" in golden:
        found.net.tuples = golden["relation_tuples"]
    assert sum(p.numel() for p in found.net.parameters()) == golden["num_parameters"]
    x = golden_cases.clip(golden["input"]["case_seed"], golden["input"]["shape"])
    with torch.inference_mode():
        logits = found.net(rearrange(x, LAYOUTS[golden["input"]["layout"]]))
    error = (logits - torch.tensor(golden["logits"])).abs().max()
    assert error <= 1e-4 * golden["checks"]["logits_std"]
    assert (len(found.matched), found.new, found.unused) == (len(golden["state_dict"]), (), ())
    assert (found.num_classes, found.net.training) == (12, False)


@pytest.mark.parametrize("case", NAMES)
def test_every_name_and_shape_of_a_released_network_is_covered(case):
    golden = golden_cases.golden(f"names/{case}")
    official = golden_cases.ghosts(case)
    with torch.device("meta"):
        found = from_official(NAMES[case], official)
    assert sum(p.numel() for p in found.net.parameters()) == golden["num_parameters"]
    assert (len(found.matched), found.new, found.unused) == (len(official), (), ())


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("dsanet")])
def test_places_and_sizes_of_dsa_are_read_off_the_weights(case):
    golden = golden_cases.golden(case)
    module = golden["module"]
    found = from_official("dsanet", golden_cases.thin(case), beta=1.0)
    depth = 18 if "depth=18" in golden["built"] else 50
    assert found.spec.backbone == f"i3d_resnet{depth}"
    assert found.spec.backbone_options == {"stem_width": 8}
    if not module:
        assert (found.spec.module, found.spec.blocks, found.num_snippets) == (None, {}, None)
        return
    marks = zip(("res2", "res3", "res4", "res5"), module["insert_freq"], strict=True)
    blocks = {stage: tuple(i for i, at in enumerate(row) if at) for stage, row in marks if row}
    assert (found.spec.blocks, found.num_snippets) == (blocks, module["U_segment"])
    assert found.spec.module_options["alpha"] == module["alpha"]
    assert found.spec.module_options["kernel_size"] == 3


def thin(**changes):
    """Weights of a thin DSANet R18."""
    return golden_cases.thin("dsanet_i3d_r18_res_2", **changes)


def test_u_alpha_and_taps_follow_the_generator():
    changes = {}
    for stage in ("layer2", "layer3"):
        generate = f"backbone.{stage}.1.dsa.generate"
        changes |= {
            f"{generate}.{name}": golden_cases.tensor(name, shape)
            for name, shape in {
                "0.weight": [32, 8],
                "1.weight": [32],
                "1.bias": [32],
                "1.running_mean": [32],
                "1.running_var": [32],
                "3.weight": [5, 32],
            }.items()
        }
    found = from_official("dsanet", thin(**changes))
    assert found.num_snippets == 8
    options = {"alpha": 4, "beta": 1 / 8, "kernel_size": 5, "identity": False}
    assert found.spec.module_options == options
    assert found.net(torch.zeros(1, 8, 3, 2, 32, 32)).shape == (1, 12)


def test_the_specification_builds_the_same_network():
    found = from_official("dsanet", thin())
    data = DataSpec(name="any", num_classes=12, num_snippets=found.num_snippets)
    again = build(found.spec, data).eval()
    again.load_state_dict(found.net.state_dict())
    x = golden_cases.clip(1, [1, 4, 3, 2, 32, 32])
    assert torch.equal(again(x), found.net(x))


def test_other_depths_than_the_usual_are_read():
    shallow = {name: tensor for name, tensor in thin().items() if ".layer4.1." not in name}
    found = from_official("dsanet", shallow)
    assert found.spec.backbone_options == {"depths": (2, 2, 2, 1), "stem_width": 8}


def test_a_leading_module_is_dropped():
    found = from_official("dsanet", {f"module.{name}": w for name, w in thin().items()})
    assert (found.new, found.unused) == ((), ())


def test_counters_of_batch_norm_may_be_missing():
    old = {name: w for name, w in thin().items() if not name.endswith("num_batches_tracked")}
    assert from_official("dsanet", old).new == ()


def test_a_missing_tensor_is_refused_unless_allowed():
    lacking = thin(**{"backbone.layer2.1.block.conv2.weight": None})
    message = r"135 tensors match, 1 missing \(res3\.1\.convs\.1\.0\.weight\); pass allow_missing"
    with pytest.raises(ValueError, match=message):
        from_official("dsanet", lacking)
    found = from_official("dsanet", lacking, allow_missing=True)
    assert (found.new, found.unused) == (("res3.1.convs.1.0.weight",), ())
    assert len(found.matched) == 135


def test_an_extra_tensor_is_refused_unless_allowed():
    extra = thin(**{"optimizer.step": torch.zeros(1), "backbone.fc.bias": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"136 tensors match, 2 unused \(optimizer\.step, backb"):
        from_official("dsanet", extra)
    found = from_official("dsanet", extra, allow_missing=True)
    assert (found.new, found.unused) == ((), ("optimizer.step", "backbone.fc.bias"))


def test_of_two_names_for_one_tensor_the_first_counts():
    twice = {"module.backbone.conv1.weight": torch.zeros(8, 3, 1, 7, 7)}
    found = from_official("dsanet", thin() | twice, allow_missing=True)
    assert found.unused == tuple(twice)
    assert found.net.stem[0].weight.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone.layer1.0.conv1.weight": torch.zeros(8, 9, 1, 3, 3)}, r"res2\.0\.convs\.0\.0"),
        ({"backbone.layer1.0.bn1.bias": torch.zeros(9)}, r"shape \(9,\), in the network \(8,\)"),
        ({"backbone.layer1.0.conv1.weight": torch.zeros(8, 8, 3, 3, 3)}, "temporal kernels in"),
        (
            {"backbone.layer2.1.dsa.generate.0.weight": torch.zeros(16, 8)},
            r"generator\.1\.weight has shape \(8,\), in the network \(16,\)",
        ),
        ({"cls_head.fc_cls.weight": None, "cls_head.fc_cls.bias": None}, "no classifier"),
    ],
)
def test_what_does_not_fit_is_always_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        from_official("dsanet", thin(**changes), allow_missing=True)


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("dsanett", {}, "unknown family of checkpoints 'dsanett'; did you mean 'dsanet'"),
        ("dsanet", {"postion": "after_conv1"}, "option of dsanet 'postion'; did you mean 'posi"),
        ("dsanet", {"position": "after_conv3"}, "has no position 'after_conv3', only before_conv1"),
        ("tsm", {"beta": 1.0}, "unknown option of tsm 'beta'; none is allowed here"),
        ("slowonly-pyslowfast", {}, "no tensors of res2, res3, res4, res5 in the file"),
        ("eco", {}, r"no tensor \*start\.0\.0\.0\.weight in the file"),
        ("trn", {}, r"no tensor \*stem\.0\.0\.weight in the file"),
        ("tsn-inception-v3", {}, r"no tensor \*Conv2d_2b_3x3\.conv\.weight in the file"),
        ("torchvision-video", {}, "so it is no S3D"),
    ],
)
def test_a_wrong_family_or_option_is_named(family, options, message):
    with pytest.raises(ValueError, match=message):
        from_official(family, thin(), **options)


V4D = {
    "v4d_r18_conv4d": {"layer2.2": ("res3", 1), "layer3.2": ("res4", 1)},
    "v4d_r50_conv4d": {"layer2.2": ("res3", 1), "layer2.5": ("res3", 3)},
    "v4d_r50_fast": {"layer2.2": ("res3", 1), "layer2.5": ("res3", 3)},
}


@pytest.mark.slow
@pytest.mark.parametrize("case", V4D)
def test_each_4d_convolution_lands_behind_its_block(case):
    golden = golden_cases.golden(f"{case}_names")
    official = golden_cases.state_dict(golden["state_dict"], 0.8)
    found = from_official("v4d", official)
    assert (len(found.matched), found.new, found.unused) == (len(official), (), ())
    assert sum(p.numel() for p in found.net.parameters()) == golden["num_parameters"]
    for place, (stage, index) in V4D[case].items():
        slots = found.net.stage(stage)[index].slots
        for unit, tap in enumerate(taps(official[f"base_model.{place}.tsa.weight"])):
            assert torch.equal(slots["after_block"].weight[:, :, unit], tap)
    assert sum(len(block.slots) for block in found.net.blocks()) == 2


def taps(weight):
    """Take a 4D kernel apart: one 3D kernel per unit."""
    if weight.ndim == 6:  # U, out, in, T, H, W
        return list(weight)
    return [weight[:, :, unit, :, :, None] for unit in range(3)]  # out, in, U, T, H * W


@pytest.mark.parametrize("case", V4D)
def test_an_imported_v4d_equals_a_sum_over_shifted_units(case):
    official = golden_cases.thin(f"{case}_names")
    net = from_official("v4d", official).net
    x = golden_cases.clip(7, [2, 4, 3, 2, 32, 32])
    with torch.inference_mode():
        logits = net(x)
        for place, (stage, index) in V4D[case].items():
            block = net.stage(stage)[index]
            del block.slots["after_block"]
            kernels = taps(official[f"base_model.{place}.tsa.weight"])
            block.register_forward_hook(lambda _, __, y, kernels=kernels: y + by_units(y, kernels))
        expected = net(x)
    assert (logits - expected).abs().max() <= 1e-4 * expected.std()


def by_units(x, kernels):
    """Convolve along units by hand: each unit gathers itself and its neighbours."""
    units = list(rearrange(x, "(n u) c t h w -> u n c t h w", u=4))
    y = []
    for unit in range(4):
        near = [(unit + tap - 1, kernel) for tap, kernel in enumerate(kernels)]
        terms = [F.conv3d(units[at], k, padding=(1, 0, 0)) for at, k in near if 0 <= at < 4]
        y.append(sum(terms))
    return rearrange(torch.stack(y), "u n c t h w -> (n u) c t h w")


def test_tsm_without_a_shift_in_every_block_is_refused():
    weights = {n.replace(".net.", "."): w for n, w in golden_cases.thin("tsm_r50_8f").items()}
    with pytest.raises(ValueError, match=r"304 tensors match, 16 missing .* and 16 unused"):
        from_official("tsm", weights)


def test_a_deep_tsm_with_a_shift_in_every_block_is_refused():
    golden = golden_cases.golden("names/tsm_r101_8f")
    names = [
        (name.replace(".conv1.w", ".conv1.net.w"), shape) for name, shape in golden["state_dict"]
    ]
    with torch.device("meta"):
        official = {name.replace("l.conv1.net", "l.conv1"): torch.empty(s) for name, s in names}
        with pytest.raises(ValueError, match=r"611 tensors match, 15 missing .* and 15 unused"):
            from_official("tsm", official)
