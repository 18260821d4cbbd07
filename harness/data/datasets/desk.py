"""The desk data set: small generated H.264 videos whose label is the order of two halves.

A primitive is a shape that grows or shrinks, again and again. A class is an ordered pair of two
different primitives, one in each half of the video. Test videos come as twins: two halves in
both orders. No snippet of the rule `sections` touches both halves, so twins show the same set of
snippets. Hence two ceilings that hold for any amount of training:

- a network that averages snippets scores both twins alike, and is right for one at most: 50 %;
- one that averages frames cannot tell growing from shrinking either, since a cycle has the same
  pictures in both directions; it sees which shapes occur, three cases for twelve classes: 25 %.

Axes: F frames, H x W pixels. Drawing is integer arithmetic, so pixels do not depend on a machine.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from filelock import FileLock
from jaxtyping import Bool, Int, UInt8

from harness.data import passport, verification
from harness.data.datasets.desk_recipe import CLASSES, PAIRS, folder_name, recipe
from harness.data.verification import Verify
from harness.data.video import DamagedVideoError, Video
from harness.utils.atomic import replace_synced
from harness.utils.files import make_folder

NUM_FRAMES = 64
CYCLE_FRAMES = 16
MAX_BACKGROUND = 64
MAX_CONTRAST = 192
CODEC = {
    "qp": "20",
    "x264-params": f"keyint={CYCLE_FRAMES}:min-keyint={CYCLE_FRAMES}:"
    "scenecut=0:open-gop=0:b-adapt=0:bframes=2",
}


Progress = Callable[[str, int, int], None]
Recipe = Mapping[str, int]


class Design(NamedTuple):
    """The drawing and the label of a generated video, by its index in a split."""

    draw: Callable[[int, str, Recipe], UInt8[np.ndarray, "F H W 3"]]
    label_of: Callable[[int], int]


def videos(
    root: Path,
    *,
    progress: Progress | None = None,
    verify: Verify = verification.verify,
    **options: int,
) -> dict[str, Sequence[Video]]:
    """Return the splits of the desk data set, generated on the first call, then verified.

    Args:
        root: Folder of the data sets.
        progress: Called with the step, the amount done, and the total.
        verify: Compares the files with their passport.
        options: Arguments of `recipe`.

    Raises:
        DamagedVideoError: If a file is missing or altered.
    """
    desk_recipe = recipe(**options)
    folder = root / folder_name(desk_recipe)
    return videos_in(folder, desk_recipe, Design(draw, label_of), progress, verify)


def videos_in(
    folder: Path, recipe: Recipe, design: Design, progress: Progress | None, verify: Verify
) -> dict[str, Sequence[Video]]:
    """Return the splits of a generated data set, made on the first call, then verified.

    Raises:
        DamagedVideoError: If a file is missing or altered.
    """
    make_folder(folder.parent)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / passport.FILE).is_file():
            _generate(folder, recipe, design, progress)
    try:
        path = folder / passport.FILE
        splits = dict(verify(path, passport.read(path)).splits)
    except ValueError as error:
        message = f"{error}; delete {folder} to generate its videos again"
        raise DamagedVideoError(message) from None
    return splits


def _generate(folder: Path, recipe: Recipe, design: Design, progress: Progress | None) -> None:
    """Write the missing videos, then the passport, which marks the folder as complete."""
    jobs = [(split, index) for split in ("train", "test") for index in range(recipe[split])]

    def generate(job: tuple[str, int]) -> tuple[str, Video]:
        split, index = job
        path = folder / split / f"{index:05d}.mp4"
        if not path.is_file():
            part = path.with_suffix(".part")
            write_mp4(part, design.draw(index, split, recipe))
            replace_synced(part, path)
        identity = f"{split}/{index:05d}"
        digest = passport.file_sha256(path)
        return split, Video(
            id=identity,
            path=path,
            labels=(design.label_of(index),),
            frames=NUM_FRAMES,
            sha256=digest,
        )

    for split in ("train", "test"):
        make_folder(folder / split)
    splits: dict[str, list[Video]] = {"train": [], "test": []}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (split, video) in enumerate(pool.map(generate, jobs), start=1):
            splits[split].append(video)
            if progress:
                progress("desk videos", done, len(jobs))
    passport.write(folder / passport.FILE, passport.complete_passport(splits))


def label_of(index: int) -> int:
    """Return the class of a video: two neighbours show a pair of primitives in both orders."""
    pair = PAIRS[index // 2 % len(PAIRS)]
    return CLASSES.index(pair[::-1] if index % 2 else pair)


def draw(index: int, split: str, recipe: Recipe) -> UInt8[np.ndarray, "F H W 3"]:
    """Draw a video: one background and two halves, in the test split those of its twin."""
    drawing = index // 2 if split == "test" else index
    rng = np.random.default_rng((recipe["seed"], split == "test", drawing))
    background = draw_background(rng, recipe["size_px"])
    pair = PAIRS[index // 2 % len(PAIRS)]
    halves = [draw_shape(rng, primitive, background, recipe) for primitive in pair]
    return np.concatenate(halves[::-1] if index % 2 else halves)


def draw_shape(
    rng: np.random.Generator,
    primitive: tuple[str, str],
    background: Int[np.ndarray, "H W 3"],
    recipe: Recipe,
    frames: int = NUM_FRAMES // 2,
) -> UInt8[np.ndarray, "F H W 3"]:
    """Draw a bright shape that grows or shrinks in cycles of random phase, wobbles, and hides."""
    direction, shape = primitive
    size, wobble = recipe["size_px"], recipe["wobble"]
    steps = (np.arange(frames) + rng.integers(CYCLE_FRAMES)) % CYCLE_FRAMES
    steps = steps if direction == "grow" else CYCLE_FRAMES - 1 - steps
    small, large = size // 16, size // 2
    radii = small + (large - small) * steps // (CYCLE_FRAMES - 1)
    radii = np.maximum(radii + rng.integers(-wobble, wobble + 1, frames), 0)
    pictures = np.repeat(background[None], frames, axis=0)
    colour = rng.integers(0, MAX_BACKGROUND, 3) + rng.integers(recipe["faint"], MAX_CONTRAST)
    is_visible = (
        rng.integers(100, size=frames // CYCLE_FRAMES).repeat(CYCLE_FRAMES) >= recipe["hidden"]
    )
    pictures[_inside(rng, shape, radii, size) & is_visible[:, None, None]] = colour
    return add_grain(rng, pictures, recipe["noise"])


def add_grain(
    rng: np.random.Generator, pictures: Int[np.ndarray, "F H W 3"], noise: int
) -> UInt8[np.ndarray, "F H W 3"]:
    """Change every colour value by at most `noise`."""
    grain = rng.integers(-noise, noise + 1, pictures.shape)
    return np.clip(pictures + grain, 0, 255).astype(np.uint8)


def _inside(
    rng: np.random.Generator, shape: str, radii: Int[np.ndarray, " F"], size: int
) -> Bool[np.ndarray, "F H W"]:
    """Return the pixels of a shape, whose position near the centre is drawn once."""
    y, x = size // 2 + rng.integers(-(size // 8), size // 8 + 1, 2)
    down, right = np.abs(np.arange(size) - y)[:, None], np.abs(np.arange(size) - x)[None]
    distance = down**2 + right**2 if shape == "disc" else np.maximum(down, right) ** 2
    inside: Bool[np.ndarray, "F H W"] = distance[None] <= radii[:, None, None] ** 2
    return inside


def draw_background(rng: np.random.Generator, size: int) -> Int[np.ndarray, "H W 3"]:
    """Draw a coarse random texture around one random dark colour."""
    coarse = rng.integers(-10, 11, (4, 4, 3)) + rng.integers(0, MAX_BACKGROUND, 3)
    repeat = -(-size // 4)
    return coarse.repeat(repeat, 0).repeat(repeat, 1)[:size, :size]


def write_mp4(path: Path, pictures: UInt8[np.ndarray, "F H W 3"]) -> None:
    """Encode H.264 at 16 frames a second; equal pictures give equal bytes.

    Every cycle is a closed group of pictures at a constant quantiser, in one thread: it is coded
    independently of its neighbours, so the coding does not distinguish the two halves.
    """
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=CYCLE_FRAMES, options=CODEC)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
