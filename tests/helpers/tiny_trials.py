"""Trials that take seconds."""

from dataclasses import replace

from experiments.scales import desk
from harness.specs import Trial

TINY_DATA = {"train_videos": 24, "test_videos": 12, "size_px": 16}


def shrunk(trial: Trial) -> Trial:
    """Return a trial that takes seconds: desk scale, few videos, two epochs."""
    small = desk(trial)
    return replace(
        small,
        data=replace(small.data, options=TINY_DATA, crop_px=16),
        train=replace(small.train, epochs=2, batch_videos=8, milestones=(), warmup_epochs=1),
        evaluation=replace(small.evaluation, crop_px=16, short_side_px=16, every_epochs=1),
    )
