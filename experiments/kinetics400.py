"""Kinetics-400: cost of the rows whose networks the zoo has; nothing is trained."""

from dataclasses import replace

from experiments.recipes import (
    FINAL_R50,
    I3D_R50,
    TEN_CLIPS,
    TEN_SNIPPETS,
    TSM_R50,
    V4D_R50,
    with_dsa,
    with_module,
)
from harness.specs import Experiment, Row, Trial

EIGHT_FRAMES = 8


def on_kinetics(trial: Trial, *, num_frames: int, num_snippets: int = 4) -> Trial:
    """Return the trial on Kinetics-400."""
    data = replace(
        trial.data,
        name="kinetics400",
        num_classes=400,
        num_frames=num_frames,
        num_snippets=num_snippets,
    )
    return replace(trial, data=data)


DSA = with_dsa(I3D_R50, FINAL_R50, beta=1 / 8)
DSA_4F, DSA_8F = (on_kinetics(DSA, num_frames=frames) for frames in (4, EIGHT_FRAMES))
V4D = with_module(I3D_R50, "v4d", position="after_block", blocks=V4D_R50)

EXPERIMENT = Experiment(
    name="kinetics400",
    title="Cost on Kinetics-400",
    caption="T × U × crops at test; GFLOPs per view × views = total",
    trains=False,
    rows=(
        Row(
            label="TSM R50, 8 × 10 × 3",
            trial=replace(
                on_kinetics(TSM_R50, num_frames=EIGHT_FRAMES, num_snippets=1), evaluation=TEN_CLIPS
            ),
            published={"gmacs": 33, "total_gmacs": 990},
        ),
        Row(
            label="SlowOnly R50, 8 × 10 × 3",
            trial=replace(
                on_kinetics(I3D_R50, num_frames=EIGHT_FRAMES, num_snippets=1), evaluation=TEN_CLIPS
            ),
            published={"gmacs": 41.9, "total_gmacs": 1257},
        ),
        Row(
            label="V4D+I3D R50, 8 × 10 × 3",
            trial=replace(on_kinetics(V4D, num_frames=EIGHT_FRAMES), evaluation=TEN_SNIPPETS),
            published={"gmacs": 286.1, "total_gmacs": 2146},
        ),
        Row(
            label="DSA+I3D R50, 4 × 8 × 3",
            trial=DSA_4F,
            published={"gmacs": 83.8, "total_gmacs": 503},
        ),
        Row(
            label="DSA+I3D R50, 8 × 8 × 3",
            trial=DSA_8F,
            published={"gmacs": 167.7, "total_gmacs": 1006},
        ),
        Row(
            label="DSA+I3D R50, (4+8) × 8 × 3",
            trial=DSA_4F,
            ensemble=(DSA_8F,),
            published={"gmacs": 251.5, "total_gmacs": 1509},
        ),
    ),
    notes=(
        "The printed figures are at 224 pixels, although the released test crop is 256.",
        "V4D runs ten units in one pass, 2.5 times the cost of four.",
    ),
)
