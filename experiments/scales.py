"""Scales: what shrinks when a table of the paper runs on a desk."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.specs import EvalSpec, Scale, TrainSpec, Trial

DESK_TRAIN = TrainSpec(
    epochs=24,
    batch_videos=16,
    lr=0.05,
    schedule="step",
    milestones=(20, 23),
    warmup_epochs=4,
    warmup_start=0.1,
    weight_decay=1e-4,
    clip_grad_norm=40,
)
SECTIONS, SECTION_FRAMES = 4, 16


def desk(trial: Trial) -> Trial:
    """Shrink width, depth, pictures, data and epochs; leave what a row ablates.

    Blocks keep their stage and parity: block 3 of res4 becomes block 1 of two.
    """
    num_snippets, num_frames = trial.data.num_snippets, trial.data.num_frames
    return replace(
        trial,
        scale="desk",
        data=replace(
            trial.data,
            name="desk",
            options={},
            num_classes=12,
            frame_stride=SECTION_FRAMES // num_frames,
            snippet_rule="sections",
            num_sections=SECTIONS,
            crop_px=16,
            crop_area=(0.8, 1.0),
        ),
        model=replace(
            trial.model,
            backbone_options={"depths": (2, 2, 2, 2), "stem_width": 8},
            dropout=0.0,
            weights=None,
            blocks=fold_blocks(trial.model.blocks),
        ),
        train=DESK_TRAIN,
        evaluation=EvalSpec(
            num_passes=2 * SECTIONS // num_snippets, crop_px=16, short_side_px=16, every_epochs=4
        ),
    )


def fold_blocks(blocks: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Place the blocks of a stage in two blocks, keeping odd and even."""
    return {stage: tuple(sorted({index % 2 for index in at})) for stage, at in blocks.items()}


def paper(trial: Trial) -> Trial:
    """Change nothing: a table is written at paper scale."""
    return trial


SCALES: Mapping[Scale, Callable[[Trial], Trial]] = {"desk": desk, "paper": paper}
