"""Trials to start from, at paper scale.

Source of each value: (P) the paper; (R) the released Kinetics-400 configuration of whwu95/DSANet;
(V) the Mini-Kinetics-200 setting of V4D, whose baseline rows the paper quotes; (G) a guess. What
is guessed is said under every table, by `GUESSES`.
"""

from collections.abc import Mapping
from dataclasses import replace

from harness.specs import DataSpec, EvalSpec, ModelSpec, Option, Position, TrainSpec, Trial

GUESSES = (
    "Frame stride 8 on Mini-Kinetics-200 is V4D's; the paper prints none for T = 4.",
    "Learning rate, schedule and batch on Mini-Kinetics-200 are those of the released "
    "Kinetics-400 configuration; the paper prints none.",
)

MINI_KINETICS = DataSpec(
    name="mini_kinetics200",
    num_classes=200,
    num_snippets=4,  # P
    num_frames=4,  # P
    frame_stride=8,  # V, a guess for DSANet
)
SGD_100_EPOCHS = TrainSpec(
    epochs=100,  # R, and all that follows
    batch_videos=96,
    lr=0.015,
    schedule="step",
    milestones=(50, 75, 90),
    warmup_epochs=10,
    warmup_start=0.01,
    weight_decay=1e-4,
    clip_grad_norm=40,
    precision="bfloat16",  # G: the release trained in float32
)
EIGHT_SNIPPETS = EvalSpec(num_passes=2, num_crops=3, crop_px=256, short_side_px=256)  # P, R
TEN_SNIPPETS = replace(EIGHT_SNIPPETS, num_passes=1, pass_snippets=10)  # P: 4 x 10 x 3
TEN_CLIPS = replace(EIGHT_SNIPPETS, num_passes=10)  # P: one snippet is a pass

I3D_R50 = Trial(
    data=MINI_KINETICS,
    model=ModelSpec(backbone="i3d_resnet50", dropout=0.5, weights="resnet50-0676ba61.pth"),
    train=SGD_100_EPOCHS,
    evaluation=EIGHT_SNIPPETS,
)
FINAL_R50 = {"res3": (1, 3), "res4": (1, 3, 5)}  # R; the paper says five blocks of res3 and res4
FINAL_R18 = {"res3": (1,), "res4": (1,)}  # G
V4D_R50 = {"res3": (1, 3)}  # meets the printed FLOPs
V4D_R18 = {"res3": (1,), "res4": (1,)}  # V


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


def single_snippet(trial: Trial, *, num_frames: int, frame_stride: int) -> Trial:
    """Return the trial on one snippet per pass, tested on ten clips."""
    data = replace(trial.data, num_snippets=1, num_frames=num_frames, frame_stride=frame_stride)
    return replace(trial, data=data, evaluation=TEN_CLIPS)


def on_ten_snippets(trial: Trial) -> Trial:
    """Return the trial tested on ten snippets in one pass."""
    return replace(trial, evaluation=TEN_SNIPPETS)


TSN_R50 = with_backbone(I3D_R50, "resnet50")
TSM_R50 = with_backbone(I3D_R50, "tsm_resnet50")
I3D_R18 = with_backbone(I3D_R50, "i3d_resnet18", weights="resnet18-f37072fd.pth")
