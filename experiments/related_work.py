"""Protocols of the systems that DSANet is compared with, at paper scale.

Each trains by its own published recipe as far as it was at hand; `experiments/sources.py` says
which of its values are guesses.
"""

from dataclasses import replace

from experiments.recipes import (
    ACTIVITYNET,
    KINETICS,
    MINI_KINETICS,
    ONE_VIEW,
    SGD_25_EPOCHS,
    SGD_50_EPOCHS,
    SGD_100_EPOCHS,
    SOMETHING_V1,
    TEN_CLIPS,
    with_module,
)
from harness.specs import Average, DataSpec, EvalSpec, ModelSpec, Option, Options, TrainSpec, Trial

IMAGENET = {
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "resnet152": "resnet152-394f9c45.pth",
}
NL_R50 = {"res3": (1, 3), "res4": (1, 3, 5)}
NL_R101 = {"res3": (1, 3), "res4": (6, 13, 20)}

SOMETHING_V2 = replace(SOMETHING_V1, name="something_v2")
TWO_CLIPS = EvalSpec(num_passes=2, num_crops=3, crop_px=256, short_side_px=256)

TSM_KINETICS = replace(
    SGD_100_EPOCHS,
    batch_videos=128,
    norm_videos=16,
    lr=0.02,
    milestones=(40, 80),
    warmup_epochs=0,
    nesterov=False,
    clip_grad_norm=20,
)
TANET_KINETICS = replace(
    TSM_KINETICS, batch_videos=64, norm_videos=8, lr=0.01, milestones=(50, 75, 90)
)
TANET_SOMETHING = replace(TANET_KINETICS, epochs=50, milestones=(30, 40, 45), weight_decay=1e-3)
TANET_SOMETHING_V2 = replace(TANET_SOMETHING, lr=0.02, weight_decay=5e-4)
TEA = replace(TANET_SOMETHING, lr=0.02, weight_decay=5e-4)
MVFNET_KINETICS = replace(SGD_100_EPOCHS, epochs=150, milestones=(90, 130))
SLOWFAST = TrainSpec(
    epochs=196,
    batch_videos=64,
    norm_videos=8,
    lr=0.1,
    schedule="cosine",
    warmup_epochs=34,
    warmup_start=0.1,
    weight_decay=1e-4,
    precision="bfloat16",
)
X3D = replace(SLOWFAST, epochs=256, lr=0.05, warmup_epochs=35, warmup_start=0.2, weight_decay=5e-5)
VOV3D_KINETICS = replace(X3D, batch_videos=128, norm_videos=16, lr=0.1, warmup_start=0.1)
VOV3D_SOMETHING = replace(VOV3D_KINETICS, epochs=100, batch_videos=64, norm_videos=8)
VOV3D_FINE_TUNING = replace(
    VOV3D_SOMETHING, epochs=50, lr=0.05, schedule="step", milestones=(35, 45), warmup_epochs=0
)


def one_clip(data: DataSpec, num_frames: int, frame_stride: int, *, crop_px: int = 224) -> DataSpec:
    """Return data of one dense clip per pass."""
    return replace(
        data, num_snippets=1, num_frames=num_frames, frame_stride=frame_stride, crop_px=crop_px
    )


def spread_frames(data: DataSpec, num_frames: int) -> DataSpec:
    """Return data of one frame from each of some equal parts of a video."""
    return replace(one_clip(data, num_frames, 1), snippet_rule="frames")


def ten_clips(crop_px: int = 256) -> EvalSpec:
    """Return ten clips × three crops."""
    return replace(TEN_CLIPS, crop_px=crop_px, short_side_px=crop_px)


def network(backbone: str, *, weights: str | None = None, **options: Option) -> ModelSpec:
    """Return a network without inserted modules, initialised from ImageNet or from scratch."""
    return ModelSpec(
        backbone=backbone,
        backbone_options=options,
        dropout=0.5,
        weights=IMAGENET[weights] if weights else None,
    )


def two_dimensional(name: str, train: TrainSpec, *, depth: int = 50, frames: int = 8) -> Trial:
    """Return a 2D network with temporal modules on dense clips of Kinetics-400, tested on 10 × 3.

    Args:
        name: Of the network, in the names of backbones.
        train: Its training.
        depth: Layers of its trunk.
        frames: T.
    """
    options: dict[str, Option] = {"num_frames": frames} if name == "tanet" else {}
    weights = None if name == "tea" else f"resnet{depth}"
    return Trial(
        data=one_clip(KINETICS, frames, 64 // frames),
        model=network(f"{name}_resnet{depth}", weights=weights, **options),
        train=train,
        evaluation=ten_clips(),
    )


def on_something(
    trial: Trial, train: TrainSpec, *, v2: bool = False, dropout: float = 0.5
) -> Trial:
    """Return a network of `two_dimensional` on spread frames of Something-Something."""
    data = spread_frames(SOMETHING_V2 if v2 else SOMETHING_V1, trial.data.num_frames)
    return replace(
        trial,
        data=data,
        model=replace(trial.model, dropout=dropout),
        train=train,
        evaluation=TWO_CLIPS if v2 else ONE_VIEW,
    )


def three_dimensional(
    backbone: str,
    train: TrainSpec,
    *,
    frames: int,
    stride: int,
    crop_px: int = 224,
    test_crop_px: int = 256,
    data: DataSpec = KINETICS,
) -> Trial:
    """Return a 3D network on dense clips, trained from scratch and tested on 10 × 3 views."""
    return Trial(
        data=one_clip(data, frames, stride, crop_px=crop_px),
        model=network(backbone),
        train=train,
        evaluation=ten_clips(test_crop_px),
    )


TSM_R50 = two_dimensional("tsm", TSM_KINETICS)
TEINET_R50 = two_dimensional("teinet", TSM_KINETICS)
TEA_R50 = two_dimensional("tea", TSM_KINETICS)
TEA_R50_16F = two_dimensional("tea", TSM_KINETICS, frames=16)
TANET_R50 = two_dimensional("tanet", TANET_KINETICS)
TANET_R50_16F = two_dimensional("tanet", TANET_KINETICS, frames=16)
TANET_R152_16F = two_dimensional("tanet", TANET_KINETICS, depth=152, frames=16)
MVFNET_R50 = two_dimensional("mvfnet", MVFNET_KINETICS)

SLOWFAST_4X16 = three_dimensional("slowfast_4x16_resnet50", SLOWFAST, frames=32, stride=2)
SLOWFAST_8X8 = three_dimensional("slowfast_8x8_resnet50", SLOWFAST, frames=32, stride=2)
SLOWFAST_R101 = three_dimensional("slowfast_8x8_resnet101", SLOWFAST, frames=32, stride=2)
X3D_M = three_dimensional("x3d_m", X3D, frames=16, stride=5)
X3D_L = three_dimensional("x3d_l", X3D, frames=16, stride=5, crop_px=312, test_crop_px=356)
VOV3D_HEAD: Options = {"pool_side": 7}  # of the last map: the classifier runs at every place of it
VOV3D_M, VOV3D_L, VOV3D_M_2020 = (
    replace(trial, model=replace(trial.model, backbone_options=VOV3D_HEAD))
    for trial in (
        three_dimensional(f"vov3d_{size}", VOV3D_KINETICS, frames=16, stride=5)
        for size in ("m", "l", "m_2020")
    )
)


def i3d(depth: int, data: DataSpec, *, frames: int = 32, stride: int = 2) -> Trial:
    """Return the I3D with a 5 × 7 × 7 stem."""
    name = f"i3d_5x7x7_resnet{depth}"
    trial = three_dimensional(name, SGD_100_EPOCHS, frames=frames, stride=stride, data=data)
    return replace(trial, model=network(name, weights=f"resnet{depth}"))


def with_attention(trial: Trial, module: str) -> Trial:
    """Return the I3D with five non-local or CGNL blocks."""
    blocks = NL_R101 if "101" in trial.model.backbone else NL_R50
    return with_module(trial, module, position="after_block", blocks=blocks)


NL_32F = with_attention(i3d(50, KINETICS), "non_local")
NL_128F = with_attention(i3d(50, KINETICS, frames=128, stride=1), "non_local")
S3D_MINI_KINETICS = three_dimensional(
    "s3d", SGD_100_EPOCHS, frames=64, stride=1, test_crop_px=224, data=MINI_KINETICS
)


def frames_of_something(backbone: str, frames: int) -> Trial:
    """Return a network on spread frames of Something-Something V1, tested on one view."""
    return Trial(
        data=spread_frames(SOMETHING_V1, frames),
        model=network(backbone),
        train=SGD_50_EPOCHS,
        evaluation=ONE_VIEW,
    )


TRN_SOMETHING = frames_of_something("trn_bn_inception", 8)
ECO_SOMETHING = tuple(frames_of_something("eco_lite", frames) for frames in (16, 20, 24, 32))
S3D_G_SOMETHING = replace(
    frames_of_something("s3d_g", 64), data=one_clip(SOMETHING_V1, 64, 1), evaluation=ONE_VIEW
)
TSM_SOMETHING = replace(on_something(TSM_R50, SGD_50_EPOCHS), evaluation=TWO_CLIPS)


def tsn_on_activitynet(backbone: str, crop_px: int, *, average: Average = "probabilities") -> Trial:
    """Return TSN: trained on 3 frames of a video, tested frame by frame on 25."""
    data = replace(one_clip(ACTIVITYNET, 1, 1, crop_px=crop_px), num_snippets=3)
    views = EvalSpec(
        num_passes=25, pass_snippets=1, crop_px=crop_px, short_side_px=round(crop_px * 8 / 7)
    )
    return Trial(
        data=data,
        model=network(backbone),
        train=SGD_25_EPOCHS,
        evaluation=replace(views, average=average),
    )


TSN_BN_INCEPTION = tsn_on_activitynet("bn_inception", 224)
TSN_INCEPTION_V3 = tsn_on_activitynet("inception_v3", 299)
TSN_TOP3 = tsn_on_activitynet("inception_v3", 299, average="top3")
