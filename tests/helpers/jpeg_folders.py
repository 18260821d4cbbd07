"""Folders of numbered JPEG pictures, as tests write them."""

import numpy as np
from PIL import Image

from tests.helpers import bad_videos

WIDTH, HEIGHT = 64, 48


def write(folder, count=12, *, first=1, prefix="", digits=5, size=(WIDTH, HEIGHT), mode="RGB"):
    """Write pictures that carry their index; blocks of black and white survive the coding."""
    folder.mkdir(parents=True)
    for index in range(count):
        picture = Image.fromarray(bad_videos.picture(index, *size)).convert(mode)
        picture.save(folder / f"{prefix}{first + index:0{digits}}.jpg", quality=95)
    return folder


def shown(frames):
    """Read back the index of every frame."""
    return [bad_videos.frame_number(np.asarray(frame)) for frame in frames]
