"""I3D and C2D: temporal kernels, strides, shapes and weights of pictures."""

import pytest
import torch

from harness.cost.count import count
from harness.specs import STAGES, DataSpec, ModelSpec
from harness.zoo.build import build
from tests.helpers import golden_cases
from tests.helpers.costs import on_one_view

DATA = DataSpec(name="any", num_classes=12)
EIGHT = {"time_strides": (1, 1, 2)}
SOMETHING = EIGHT | {"res5_stride": 1}
SIX_OF_RES4 = {"inflated_depths": (3, 4, 6, 3)}


@pytest.mark.slow
def test_batch_norm_counts_as_in_the_totals_of_fvcore():
    """Two totals that fvcore prints of released code, and that no oracle lists."""
    plain = ModelSpec(backbone="i3d_5x7x7_resnet50")
    eight = ModelSpec(
        backbone="i3d_5x7x7_resnet50",
        backbone_options=EIGHT,
        module="non_local",
        position="after_block",
        blocks={"res3": (1, 3), "res4": (1, 3, 5)},
    )
    totals = [
        count(on_one_view(model, frames=frames, crop=crop)).macs
        for model, frames, crop in ((plain, 32, 224), (eight, 8, 256))
    ]
    assert [f"{macs / 1e9:.4f}" for macs in totals] == ["33.2717", "49.1001"]


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
