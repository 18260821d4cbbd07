"""Recipe of the desk videos: their classes, every parameter, and the folder named by its hash.

Needs neither PyTorch nor PyAV, so that a plan can read the number of videos.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping

DESK, DESK_CUE = "desk", "desk_cue"
SHAPES = ("disc", "square")
PRIMITIVES = tuple(itertools.product(("grow", "shrink"), SHAPES))
PAIRS = tuple(itertools.combinations(PRIMITIVES, 2))
CLASSES = tuple(itertools.permutations(PRIMITIVES, 2))
DESIGN = 2
_DIGITS = 12
# Highest top-1 of a kind of network: by expectation for frames, by proof for the others.
AVERAGE_CEILING = 50.0
_AVERAGES = {"average of snippets": AVERAGE_CEILING, "average of frames": 25.0}
CEILINGS: Mapping[str, Mapping[str, float]] = {
    DESK: _AVERAGES,
    DESK_CUE: _AVERAGES | {"fixed weights of snippets": 75.0},
}
# Consecutive test videos that show the same snippets in other orders.
GROUP_SIZES: Mapping[str, int] = {DESK: 2, DESK_CUE: 4}
# What a class says, from coarse to fine: its value for each class.
ASPECTS = {
    "shapes": tuple(tuple(sorted(shape for _, shape in pair)) for pair in CLASSES),
    "motions": tuple(tuple(sorted(pair)) for pair in CLASSES),
    "order": CLASSES,
}
# Highest percentage of an aspect, among answers right in the one before, and of which networks:
# expected for motions, proven for order, by the same reasons as above.
ASPECT_CEILINGS = {"motions": (50.0, "average of frames"), "order": (50.0, "any average")}
PROVEN_CEILINGS = frozenset({"average of snippets", "fixed weights of snippets"})
# Expected top-1 of a perfect network: 12 of the 480 test videos have a half that is hidden, and its
# primitive is one of three.
PERFECT = 100 * (468 + 12 / 3) / 480


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
    """Return every parameter of the desk videos.

    Args:
        train_videos: Videos to train on.
        test_videos: Videos to score.
        size_px: Height and width.
        noise: Largest change of a colour value from frame to frame.
        wobble: Largest random change of a radius, in pixels: obscures growing and shrinking.
        faint: Least contrast of a shape; the greatest is `desk.MAX_CONTRAST` - 1.
        hidden: Percent of the sections without the shape: a half whose two sections are hidden
            cannot be recognised, so even a perfect network errs on a few videos.
        seed: Seed of the drawing.
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


def cue_recipe(**options: int) -> dict[str, int]:
    """Return every parameter of the desk videos with a cue; no shape is hidden by default."""
    return {**recipe(**{"hidden": 0, **options}), "cue": 1}


RECIPES: Mapping[str, Callable[..., dict[str, int]]] = {DESK: recipe, DESK_CUE: cue_recipe}


def folder_name(recipe: Mapping[str, int], name: str = DESK) -> str:
    """Return the name of the folder that holds the videos of a recipe."""
    canonical = json.dumps(recipe, sort_keys=True)
    return f"{name}-{hashlib.sha256(canonical.encode()).hexdigest()[:_DIGITS]}"
