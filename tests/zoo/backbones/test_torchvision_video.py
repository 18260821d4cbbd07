"""Video networks of torchvision: its own figures, and its own networks at small sizes."""

import re

import pytest
import torch
from torchvision.models import video
from torchvision.models.video.mvit import MViT
from torchvision.models.video.swin_transformer import SwinTransformer3d

from experiments.reference_rows import TORCHVISION
from harness.zoo.backbones.torchvision_video import mvit_blocks, mvit_v2_s
from harness.zoo.pretrained import from_official
from tests.helpers.costs import cost

PRINTED = {
    "r2plus1d_18": (video.R2Plus1D_18_Weights.KINETICS400_V1, 112),
    "mvit_v2_s": (video.MViT_V2_S_Weights.KINETICS400_V1, 224),
    "swin3d_t": (video.Swin3D_T_Weights.KINETICS400_V1, 224),
    "swin3d_s": (video.Swin3D_S_Weights.KINETICS400_V1, 224),
    "swin3d_b": (video.Swin3D_B_Weights.KINETICS400_V1, 224),
}


@pytest.mark.slow
@pytest.mark.parametrize("backbone", PRINTED)
def test_torchvision_prints_the_same_figures(backbone):
    weights, pixels = PRINTED[backbone]
    counted = cost(backbone, classes=400, frames=16, pixels=pixels, rule="mac")
    printed = (weights.meta["num_params"], weights.meta["_ops"])
    assert (counted.params, round(counted.macs / 1e9, 3)) == printed


@pytest.mark.parametrize("backbone", PRINTED)
def test_the_figures_of_the_table_are_those_of_the_metadata(backbone):
    meta = PRINTED[backbone][0].meta
    metrics = meta["_metrics"]["Kinetics-400"]
    figures = (metrics["acc@1"], metrics["acc@5"], meta["num_params"] / 1e6, meta["_ops"])
    _, printed, (frames, stride, clips, crop_px) = TORCHVISION[backbone]
    assert printed == figures
    tested = dict(re.findall(r"(\w+)=([\d.]+)", meta["_docs"]))
    assert (int(tested["clip_len"]), int(tested["clips_per_video"])) == (frames, clips)
    assert float(tested["frame_rate"]) == 30 / stride
    assert PRINTED[backbone][0].transforms().crop_size == [crop_px, crop_px]


def agrees(reference, clip):
    """Compare the logits of a network of torchvision with ours, with its weights."""
    found = from_official("torchvision-video", reference.state_dict())
    with torch.inference_mode():
        expected, logits = reference.eval()(clip), found.net(clip[:, None])
    assert (logits - expected).abs().max() <= 1e-4 * expected.std()
    return found.spec


@pytest.mark.slow
def test_a_small_transformer_of_pooled_attention_equals_torchvisions():
    torch.manual_seed(0)
    reference = MViT(
        spatial_size=(224, 224),
        temporal_size=16,
        block_setting=mvit_blocks((1, 2, 1, 1), 8),
        residual_pool=True,
        residual_with_cls_embed=False,
        rel_pos_embed=True,
        proj_after_attn=True,
        num_classes=12,
    )
    spec = agrees(reference, torch.randn(1, 3, 16, 224, 224))
    assert spec.backbone_options == {"depths": (1, 2, 1, 1), "stem_width": 8}


def test_a_small_transformer_of_windows_equals_torchvisions():
    torch.manual_seed(0)
    reference = SwinTransformer3d(
        patch_size=[2, 4, 4],
        embed_dim=8,
        depths=[2, 1],
        num_heads=[1, 2],
        window_size=[8, 7, 7],
        num_classes=12,
    )
    spec = agrees(reference, torch.randn(2, 3, 6, 40, 32))
    assert spec.backbone_options == {"depths": (2, 1), "stem_width": 8}


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["swin3d_s", "swin3d_b"])
def test_the_sizes_of_windowed_transformers_are_told_apart(backbone):
    with torch.device("meta"):
        weights = getattr(video, backbone)(num_classes=12).state_dict()
        assert from_official("torchvision-video", weights).spec.backbone == backbone


def test_clips_of_another_extent_interpolate_relative_positions():
    torch.manual_seed(0)
    net = mvit_v2_s(num_classes=5, depths=(1, 1, 1, 1), stem_width=8).eval()
    for frames, pixels in ((2, 16), (6, 48)):
        assert net(torch.zeros(1, 1, 3, frames, pixels, pixels)).shape == (1, 5)


def test_another_network_of_torchvision_is_refused():
    with torch.device("meta"):
        weights = video.r3d_18().state_dict()
    with pytest.raises(ValueError, match="in the file, so it is no S3D"):
        from_official("torchvision-video", weights)
