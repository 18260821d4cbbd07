"""Desk videos with a cue: when a bar is shown decides in which order two shapes are read.

Of four sections, the middle two show a primitive each. The bar is in the first section or in the
last: early, the primitives are read forwards, late, backwards. The class is the ordered pair that
is read. Test videos come in groups of four: both orders, each with the bar early and late, made of
the same four sections. Two ceilings hold for any amount of training:

- a network that averages snippets scores all four alike, and is right for two at most: 50 %;
- one that adds up snippets with weights by place cannot do both: with h for what the order adds to
  the lead of one class over the other and g for what the cue adds, the four leads are h1 + g1,
  h2 + g2 (to be positive), h1 + g2 and h2 + g1 (to be negative). Both pairs have the same sum, so
  it is right for three at most: 75 %.

Axes: F frames, H x W pixels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from harness.data import verification
from harness.data.datasets import desk
from harness.data.datasets.desk import CYCLE_FRAMES, MAX_BACKGROUND, MAX_CONTRAST, Recipe
from harness.data.datasets.desk_recipe import CLASSES, DESK_CUE, PAIRS, cue_recipe, folder_name
from harness.data.verification import Verify
from harness.data.video import Video

_GROUP = 4
_BAR_PX = 3


def videos(
    root: Path,
    *,
    progress: desk.Progress | None = None,
    verify: Verify = verification.verify,
    **options: int,
) -> dict[str, Sequence[Video]]:
    """Return the splits, generated on the first call, then verified.

    Args:
        root: Folder of the data sets.
        progress: Called with the step, the amount done, and the total.
        verify: Compares the files with their passport.
        options: Arguments of `desk_recipe.cue_recipe`.

    Raises:
        DamagedVideoError: If a file is missing or altered.
    """
    recipe = cue_recipe(**options)
    folder = root / folder_name(recipe, DESK_CUE)
    return desk.videos_in(folder, recipe, desk.Design(draw, label_of), progress, verify)


def label_of(index: int) -> int:
    """Return the class of a video: the pair in the order in which its cue says to read it."""
    is_swapped, is_late = _orders(index)
    return CLASSES.index(_pair(index)[::-1] if is_swapped != is_late else _pair(index))


def draw(index: int, split: str, recipe: Recipe) -> UInt8[np.ndarray, "F H W 3"]:
    """Draw a video: one background and four sections, in the test split those of its group."""
    drawing = index // _GROUP if split == "test" else index
    rng = np.random.default_rng((recipe["seed"], split == "test", drawing))
    background = desk.draw_background(rng, recipe["size_px"])
    shapes = [
        desk.draw_shape(rng, primitive, background, recipe, frames=CYCLE_FRAMES)
        for primitive in _pair(index)
    ]
    bar, blank = _draw_bar(rng, background, recipe), _draw_blank(rng, background, recipe)
    is_swapped, is_late = _orders(index)
    middle = shapes[::-1] if is_swapped else shapes
    return np.concatenate([blank, *middle, bar] if is_late else [bar, *middle, blank])


def _pair(index: int) -> tuple[tuple[str, str], tuple[str, str]]:
    return PAIRS[index // _GROUP % len(PAIRS)]


def _orders(index: int) -> tuple[bool, bool]:
    """Return whether the two shapes are swapped, and whether the cue is late."""
    return bool(index & 1), bool(index & 2)


def _draw_bar(
    rng: np.random.Generator, background: Int[np.ndarray, "H W 3"], recipe: Recipe
) -> UInt8[np.ndarray, "F H W 3"]:
    """Draw a bright bar from side to side, at a random height."""
    size = recipe["size_px"]
    top = size // 2 + rng.integers(-(size // 4), size // 4 + 1) - _BAR_PX // 2
    picture = background.copy()
    colour = rng.integers(0, MAX_BACKGROUND, 3) + rng.integers(recipe["faint"], MAX_CONTRAST)
    picture[top : top + _BAR_PX] = colour
    return _draw_blank(rng, picture, recipe)


def _draw_blank(
    rng: np.random.Generator, picture: Int[np.ndarray, "H W 3"], recipe: Recipe
) -> UInt8[np.ndarray, "F H W 3"]:
    """Show a picture for a section."""
    return desk.add_grain(rng, np.repeat(picture[None], CYCLE_FRAMES, axis=0), recipe["noise"])
