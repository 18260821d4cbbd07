"""Recipe of the desk videos: what they depend on, and the folder named after it.

Needs neither PyTorch nor PyAV, so that a plan can ask how many videos there will be.
"""

import hashlib
import json
from collections.abc import Mapping

DESK = "desk"
DESIGN = 2
_DIGITS = 12


def recipe(
    *,
    train_videos: int = 600,
    test_videos: int = 480,
    size_px: int = 16,
    noise: int = 20,
    wobble: int = 1,
    faint: int = 128,
    hidden: int = 10,
    seed: int = 0,
) -> dict[str, int]:
    """Return all that the desk videos depend on.

    Args:
        train_videos: Videos to train on.
        test_videos: Videos to score.
        size_px: Height and width.
        noise: Largest change of a colour value from frame to frame.
        wobble: Largest random change of a radius, in pixels: hides which way a shape goes.
        faint: Least brightness of a shape over its ground; the greatest is STRONG - 1.
        hidden: Percent of the sections in which the shape is not there: a half whose two sections
            are hidden cannot be told, so the best possible network errs on a few videos.
        seed: Of the drawing.
    """
    return {
        "size_px": size_px,
        "noise": noise,
        "wobble": wobble,
        "faint": faint,
        "hidden": hidden,
        "seed": seed,
        "train": train_videos,
        "test": test_videos,
        "design": DESIGN,
    }


def folder_name(recipe: Mapping[str, int]) -> str:
    """Return the name of the folder that holds the videos of a recipe."""
    canonical = json.dumps(recipe, sort_keys=True)
    return f"{DESK}-{hashlib.sha256(canonical.encode()).hexdigest()[:_DIGITS]}"
