"""Parameters and multiply-adds of I3D, C2D and their blocks, to the last digit; their shapes."""

from dataclasses import replace

import pytest
import torch

from experiments.recipes import I3D_R50, with_module
from harness.cost.count import count
from harness.specs import DataSpec, ModelSpec
from harness.zoo.build import build
from harness.zoo.layers.residual import STAGES
from tests.helpers import golden_cases

DATA = DataSpec(name="any", num_classes=12)
R50_BLOCKS = {"res3": (1, 3), "res4": (1, 3, 5)}
R101_BLOCKS = {"res3": (1, 3), "res4": (6, 13, 20)}
TSM_BLOCKS = {"res3": (0, 2), "res4": (0, 2, 4)}
EIGHT = {"time_strides": (1, 1, 2)}
SOMETHING = EIGHT | {"res5_stride": 1}
SIX_OF_RES4 = {"inflated_depths": (3, 4, 6, 3)}


def on(backbone, **options):
    return replace(
        I3D_R50, model=ModelSpec(backbone=backbone, backbone_options=options, dropout=0.5)
    )


def non_local(trial, blocks, **options):
    return with_module(trial, "non_local", position="after_block", blocks=blocks, **options)


def cgnl(trial, blocks):
    return with_module(trial, "cgnl", position="after_block", blocks=blocks)


def view(frames, crop_px, num_classes=400):
    return {
        "num_snippets": 1,
        "num_frames": frames,
        "crop_px": crop_px,
        "num_classes": num_classes,
    }


R50, R101 = on("i3d_5x7x7_resnet50"), on("i3d_5x7x7_resnet101")
R101_SIX = on("i3d_5x7x7_resnet101", **SIX_OF_RES4)
SSV1 = on("i3d_5x7x7_resnet50", **SOMETHING)
TSM_NL = non_local(on("tsm_resnet50"), TSM_BLOCKS, attention="embedded_gaussian", pooling="after")
# PyTorchVideo pools 7 x 7 pixels at the head: at 256 pixels its classifier runs on 2 x 2 places.
THREE_MORE_PLACES = 3 * 2048 * 400
# Network, view, parameters, multiply-adds, and 10^9 of them with batch norm at two per element.
ROWS = {
    "TSM+NL R50": (TSM_NL, view(8, 224), 31_686_096, 61_104_062_464, "61.3044"),
    "NL I3D R50, 128 frames": (
        non_local(R50, R50_BLOCKS),
        view(128, 256),
        35_401_936,
        281_522_503_680,
        "282.3310",
    ),
    "NL I3D R50, 128 frames, res3 in groups": (
        non_local(R50, R50_BLOCKS, group_frames=4),
        view(128, 256),
        35_401_936,
        229_982_896_128,
        "230.7913",
    ),
    "NL I3D R50, 32 frames": (
        non_local(R50, R50_BLOCKS),
        view(32, 256),
        35_401_936,
        55_080_419_328,
        "55.2825",
    ),
    "NL I3D R101, six blocks of res4": (
        non_local(R101_SIX, R101_BLOCKS),
        view(128, 256),
        54_394_064,
        359_100_350_464,
        "360.1227",
    ),
    "NL I3D R101, as released": (
        non_local(R101, R101_BLOCKS),
        view(128, 256),
        59_112_656,
        378_427_703_296,
        "379.4501",
    ),
    "I3D R50": (R50, view(32, 256), 28_043_472, 43_269_259_264, "43.4567"),
    "I3D R50 at 224": (R50, view(32, 224), 28_043_472, None, "33.2717"),
    "I3D R50 (8x8)": (
        on("i3d_5x7x7_resnet50", **EIGHT),
        view(8, 256),
        28_043_472,
        37_106_089_984 - THREE_MORE_PLACES,
        None,
    ),
    "NL I3D R50 (8x8)": (
        non_local(on("i3d_5x7x7_resnet50", **EIGHT), R50_BLOCKS),
        view(8, 256),
        35_401_936,
        None,
        "49.1001",
    ),
    "I3D R50 (SSv1)": (SSV1, view(32, 224, 174), 27_580_398, 152_471_171_072, "153.0444"),
    "NL I3D R50 (SSv1), res3 in groups": (
        non_local(SSV1, R50_BLOCKS, group_frames=4),
        view(32, 224, 174),
        34_938_862,
        190_646_677_504,
        "191.2648",
    ),
    "NL I3D R50 (SSv1)": (
        non_local(SSV1, R50_BLOCKS),
        view(32, 224, 174),
        34_938_862,
        220_858_249_216,
        "221.4764",
    ),
    "CGNL I3D R50": (
        cgnl(R50, R50_BLOCKS),
        view(32, 224, 200),
        33_376_264,
        39_555_956_736,
        "39.6995",
    ),
    "CGNL I3D R101": (
        cgnl(R101, R101_BLOCKS),
        view(32, 224, 200),
        57_086_984,
        58_104_217_600,
        "58.2887",
    ),
    "C2D R50": (
        on("c2d_resnet50"),
        view(8, 256),
        24_327_632,
        25_462_702_080 - THREE_MORE_PLACES,
        None,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_counts_meet_the_independent_rebuilds_to_the_last_digit(name):
    trial, data, params, macs, with_batch_norm = ROWS[name]
    trial = replace(trial, data=replace(trial.data, **data))
    counted = count(trial)
    assert counted.params == params
    assert macs is None or count(trial, rule="mac").macs == macs
    assert with_batch_norm in (None, f"{counted.macs / 1e9:.4f}")


@pytest.mark.parametrize(("name", "printed"), [("I3D R50 (8x8)", 37.5327), ("C2D R50", 25.8893)])
def test_the_figures_of_pytorchvideo_count_five_operations_per_batch_norm(name, printed):
    trial, data, *_ = ROWS[name]
    trial = replace(trial, data=replace(trial.data, **data))
    plain, normed = (count(trial, rule=rule).macs for rule in ("mac", "mac+2bn"))
    five = plain + THREE_MORE_PLACES + 5 * (normed - plain) // 2
    assert f"{five / 1e9:.4f}" == f"{printed:.4f}"


def made(backbone, **options):
    with torch.device("meta"):
        return build(ModelSpec(backbone=backbone, backbone_options=options), DATA)


@pytest.mark.parametrize(
    ("backbone", "options", "res4"),
    [
        ("i3d_5x7x7_resnet50", {}, (0, 2, 4)),
        ("i3d_5x7x7_resnet101", {}, tuple(range(0, 23, 2))),
        ("i3d_5x7x7_resnet101", SIX_OF_RES4, (0, 2, 4)),
    ],
)
def test_temporal_kernels_stand_in_every_other_block_after_res2(backbone, options, res4):
    net = made(backbone, **options)
    inflated = {
        stage: tuple(
            index
            for index, block in enumerate(net.stage(stage))
            if block.convs[0][0].weight.shape[2:] == (3, 1, 1)
        )
        for stage in STAGES
    }
    assert inflated == {"res2": (0, 1, 2), "res3": (0, 2), "res4": res4, "res5": (1,)}
    assert net.stem[0].weight.shape[2:] == (5, 7, 7)


def test_a_c2d_has_no_temporal_kernels():
    weights = [p for p in made("c2d_resnet50").parameters() if p.ndim == 5]
    assert {weight.shape[2] for weight in weights} == {1}


@pytest.mark.parametrize(
    ("options", "frames", "shape"),
    [({}, 32, (4, 2, 2)), (EIGHT, 8, (4, 2, 2)), (SOMETHING, 32, (16, 4, 4))],
)
def test_time_and_space_are_strided_as_each_variant_says(options, frames, shape):
    net = made("i3d_5x7x7_resnet50", **options)
    ends = []
    net.stage("res5")[-1].register_forward_hook(lambda *call: ends.append(call[2].shape[2:]))
    assert net(torch.empty(1, 1, 3, frames, 64, 64, device="meta")).shape == (1, 12)
    assert ends == [shape]


def test_frames_too_few_for_the_strides_are_refused():
    net = made("i3d_5x7x7_resnet50")
    with pytest.raises(ValueError, match=r"4 frames are too few for time_strides=\(2, 2, 2\)"):
        net(torch.empty(1, 1, 3, 4, 64, 64, device="meta"))


def test_the_usual_strides_run_and_train_with_eight_frames():
    options = {"depths": (1, 1, 1, 2), "stem_width": 8}
    spec = ModelSpec(backbone="i3d_5x7x7_resnet50", backbone_options=options)
    torch.manual_seed(0)
    net = build(spec, DATA)
    net(torch.randn(2, 2, 3, 8, 32, 32)).square().sum().backward()
    assert [n for n, p in net.named_parameters() if not p.grad.any()] == []


def test_weights_of_pictures_are_spread_over_five_frames_of_the_stem(tmp_path):
    pictures = golden_cases.thin("torchvision_resnet50_names")
    torch.save(pictures, tmp_path / "pictures.pth")
    spec = ModelSpec(
        backbone="i3d_5x7x7_resnet50", backbone_options={"stem_width": 8}, weights="pictures.pth"
    )
    stem = build(spec, DATA, weights_root=tmp_path).stem[0].weight
    assert torch.allclose(stem, pictures["conv1.weight"][:, :, None].expand(-1, -1, 5, -1, -1) / 5)


def test_pooling_takes_the_larger_of_two_frames():
    options = {"depths": (1, 1, 1, 1), "stem_width": 8}
    net = build(ModelSpec(backbone="c2d_resnet50", backbone_options=options), DATA).eval()
    frames = torch.randn(1, 1, 3, 4, 32, 32)
    assert torch.allclose(net(frames), net(frames[:, :, :, [1, 0, 3, 2]]), atol=1e-5)
    assert not torch.allclose(net(frames), net(frames[:, :, :, [0, 2, 1, 3]]), atol=1e-5)
