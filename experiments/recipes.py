"""Trials to start from, at paper scale.

Source of each value: the paper where it says so; else the released Kinetics-400 configuration of
whwu95/DSANet (R); else V4D's Mini-Kinetics setting, whose baseline rows the paper quotes (V).
"""

from dataclasses import replace

from harness.specs import DataSpec, EvalSpec, ModelSpec, Option, Position, TrainSpec, Trial

MINI_KINETICS = DataSpec(
    name="mini_kinetics200",
    num_classes=200,
    num_snippets=4,
    num_frames=4,
    frame_stride=8,  # V; the paper gives none for T = 4
)
SGD_100_EPOCHS = TrainSpec(
    epochs=100,
    batch_videos=96,
    lr=0.015,
    schedule="step",
    milestones=(50, 75, 90),
    warmup_epochs=10,
    warmup_start=0.01,
    weight_decay=1e-4,
    clip_grad_norm=40,
    precision="bfloat16",
)  # R
EIGHT_SNIPPETS_THREE_CROPS = EvalSpec(num_passes=2, num_crops=3, crop_px=256, short_side_px=256)

I3D_R50 = Trial(
    data=MINI_KINETICS,
    model=ModelSpec(backbone="i3d_resnet50", dropout=0.5, weights="resnet50-0676ba61.pth"),
    train=SGD_100_EPOCHS,
    evaluation=EIGHT_SNIPPETS_THREE_CROPS,
)
TSN_R50 = replace(I3D_R50, model=replace(I3D_R50.model, backbone="resnet50"))


def with_module(
    trial: Trial,
    module: str,
    *,
    position: Position = "after_conv1",
    blocks: dict[str, tuple[int, ...]],
    **options: Option,
) -> Trial:
    """Return the trial with a module in the named blocks."""
    model = replace(
        trial.model, module=module, module_options=options, position=position, blocks=blocks
    )
    return replace(trial, model=model)
