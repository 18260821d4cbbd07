"""Trials to start from, at paper scale: one protocol for each data set of the paper.

`experiments/sources.py` holds the source of each value, and docs/recipes.md shows them.
"""

from collections.abc import Mapping
from dataclasses import replace

from harness.specs import DataSpec, EvalSpec, ModelSpec, Option, Position, TrainSpec, Trial

BENEFIT = (
    'abstract: "Our proposed DSA module is shown to benefit various video recognition models '
    'significantly"'
)
GUESSES = (
    "Frame stride 8 on Mini-Kinetics-200 is V4D's; the slides print none for T = 4.",
    "Learning rate, schedule and batch on Mini-Kinetics-200 are those of the released "
    "Kinetics-400 configuration; the slides print none.",
    "Strides count frames at 30 a second on Mini-Kinetics-200, as in the released Kinetics-400 "
    "configuration; the slides print no rate.",
)
V4D_GUESS = (
    "V4D trains by the recipe of DSA here, without the three stages in which its authors train it, "
    "and tests all ten units in one pass; both are guesses."
)
FOUR_SNIPPETS_GUESS = (
    "That {} trains on four averaged snippets is a guess: the slides print neither T nor U for it."
)
KINETICS_GUESSES = (
    "T = 8 is trained as in the released configuration; that T = 4 is trained likewise, at "
    "stride 8, is a guess.",
    "SlowOnly, V4D, NL, C3D, R(2+1)D, MViTv2 and Swin train by the recipe of DSA here, not by "
    "their own, V4D without the three stages in which its authors train it; the other networks by "
    "their own recipes as far as these were at hand, else by guesses.",
)
SOMETHING_GUESSES = (
    "The slides print nothing on training with Something-Something V1: epochs, rate and drops are "
    "those of TSM's script, batch norm over 12 videos is that of the released Kinetics-400 "
    "configuration, and T = 8 at U = 4 is V4D's on Kinetics-400.",
    "Stride 1 is a guess: these videos have some 48 frames, at 12 a second.",
    "It starts from the trunk of an I3D R50 trained on Kinetics-400, as V4D does; the authors "
    "released no such file.",
    "One view, of 4 snippets and the centre of 224 pixels, is a guess; the slides print none.",
)
ACTIVITYNET_GUESSES = (
    "The slides print nothing on training with ActivityNet: epochs, rate, drops and weight decay "
    "are what the authors advise for UCF101; batch and sampling are those of Kinetics-400.",
    "It starts from the trunk of an I3D R50 trained on Kinetics-400, which is a guess; the authors "
    "released no such file.",
    "8 snippets × 3 crops (V4D 10 × 3), and probabilities for averaging, are guesses; the slides "
    "print no views.",
)

KINETICS = DataSpec(
    name="kinetics400",
    num_classes=400,
    num_snippets=4,
    num_frames=8,
    frame_stride=8,
    fps=30,  # frames are taken from the videos at this rate
)
MINI_KINETICS = replace(
    KINETICS,
    name="mini_kinetics200",
    num_classes=200,
    num_frames=4,
)
SOMETHING_V1 = replace(
    KINETICS,
    name="something_v1",
    num_classes=174,
    num_frames=8,
    frame_stride=1,
    fps=None,  # the official frames, 12 a second
    flip=False,  # labels have a left and a right
)
ACTIVITYNET = replace(KINETICS, name="activitynet", num_classes=200)

SGD_100_EPOCHS = TrainSpec(
    epochs=100,
    batch_videos=96,
    norm_videos=12,  # 8 devices
    lr=0.015,
    schedule="step",
    milestones=(50, 75, 90),
    warmup_epochs=10,
    warmup_start=0.01,
    weight_decay=1e-4,
    clip_grad_norm=40,
    precision="bfloat16",  # the release trained in float32
)
SGD_50_EPOCHS = replace(
    SGD_100_EPOCHS,
    epochs=50,
    lr=0.015,  # 0.02 at a batch of 128, in proportion
    milestones=(20, 40),
    warmup_epochs=0,
)
SGD_25_EPOCHS = replace(
    SGD_100_EPOCHS,
    epochs=25,
    lr=1e-3,
    milestones=(10, 20),
    warmup_epochs=0,
    weight_decay=5e-4,
)

EIGHT_SNIPPETS = EvalSpec(num_passes=2, num_crops=3, crop_px=256, short_side_px=256)
TEN_SNIPPETS = replace(EIGHT_SNIPPETS, num_passes=1, pass_snippets=10)  # 4 × 10 × 3
TEN_CLIPS = replace(EIGHT_SNIPPETS, num_passes=10)  # one snippet is a pass
ONE_VIEW = EvalSpec(crop_px=224, short_side_px=256)

I3D_R50 = Trial(
    data=MINI_KINETICS,
    model=ModelSpec(backbone="i3d_resnet50", dropout=0.5, weights="resnet50-0676ba61.pth"),
    train=SGD_100_EPOCHS,
    evaluation=EIGHT_SNIPPETS,
)
I3D_R50_KINETICS = replace(I3D_R50, data=KINETICS)
_FROM_KINETICS = replace(I3D_R50.model, weights="i3d_resnet50_kinetics400.safetensors")
I3D_R50_SOMETHING = Trial(
    data=SOMETHING_V1, model=_FROM_KINETICS, train=SGD_50_EPOCHS, evaluation=ONE_VIEW
)
I3D_R50_ACTIVITYNET = Trial(
    data=ACTIVITYNET,
    model=_FROM_KINETICS,
    train=SGD_25_EPOCHS,
    evaluation=replace(EIGHT_SNIPPETS, average="probabilities"),
)
FIXED_KERNELS = (
    "Rows with fixed kernels are ours: one learned kernel per channel, the same for all videos, "
    "where DSA generates one for each."
)
FINAL_R50 = {"res3": (1, 3), "res4": (1, 3, 5)}  # released; the slides print 5 blocks
FINAL_R18 = {"res3": (1,), "res4": (1,)}
V4D_R50 = {"res3": (1, 3)}  # meets the printed FLOPs
V4D_R18 = {"res3": (1,), "res4": (1,)}


def with_backbone(trial: Trial, backbone: str, *, weights: str | None = None) -> Trial:
    """Return the trial on another backbone, with that backbone's ImageNet weights."""
    weights = weights or trial.model.weights
    return replace(trial, model=replace(trial.model, backbone=backbone, weights=weights))


def with_module(
    trial: Trial,
    module: str,
    *,
    position: Position = "after_conv1",
    blocks: Mapping[str, tuple[int, ...]],
    **options: Option,
) -> Trial:
    """Return the trial with a module in the named blocks."""
    model = replace(
        trial.model, module=module, module_options=options, position=position, blocks=blocks
    )
    return replace(trial, model=model)


def with_dsa(
    trial: Trial,
    blocks: Mapping[str, tuple[int, ...]],
    *,
    position: Position = "after_conv1",
    alpha: int = 2,
    beta: float = 1.0,
) -> Trial:
    """Return the trial with DSA modules; by default at position II, alpha 2, beta 1."""
    return with_module(trial, "dsa", position=position, blocks=blocks, alpha=alpha, beta=beta)


def with_final_dsa(trial: Trial) -> Trial:
    """Return a trial on 50 layers with the DSA modules of the paper's final setting."""
    return with_dsa(trial, FINAL_R50, beta=1 / 8)


def with_fixed_kernels(trial: Trial, blocks: Mapping[str, tuple[int, ...]]) -> Trial:
    """Return the trial with kernels over snippets that are learned and the same for all videos.

    They mix as many channels as DSA does in its final setting, in the same places.
    """
    return with_module(trial, "static_mix", blocks=blocks, beta=1 / 8)


def with_v4d(trial: Trial) -> Trial:
    """Return a trial on 50 layers with the 4D convolutions of V4D."""
    return with_module(trial, "v4d", position="after_block", blocks=V4D_R50)


def with_batch(trial: Trial, videos: int) -> Trial:
    """Return the trial with another batch, and the learning rate in proportion.

    Batch norm keeps the recipe's videos where they divide the batch, else it sees the whole batch.
    Source: the linear rule of Goyal et al. 2017, arXiv 1706.02677; slides and release
    state none.
    """
    train = trial.train
    divides = train.norm_videos is not None and videos % train.norm_videos == 0
    changed = replace(
        train,
        batch_videos=videos,
        norm_videos=train.norm_videos if divides else None,
        lr=train.lr * videos / train.batch_videos,
    )
    return replace(trial, train=changed)


def single_snippet(trial: Trial, *, num_frames: int, frame_stride: int) -> Trial:
    """Return the trial on one snippet per pass, tested on ten clips."""
    data = replace(trial.data, num_snippets=1, num_frames=num_frames, frame_stride=frame_stride)
    return replace(trial, data=data, evaluation=TEN_CLIPS)


def on_ten_snippets(trial: Trial) -> Trial:
    """Return the trial tested on ten snippets in one pass."""
    return replace(trial, evaluation=replace(TEN_SNIPPETS, average=trial.evaluation.average))


TSN_R50 = with_backbone(I3D_R50, "resnet50")
TSM_R50 = with_backbone(I3D_R50, "tsm_resnet50")
I3D_R18 = with_backbone(I3D_R50, "i3d_resnet18", weights="resnet18-f37072fd.pth")
