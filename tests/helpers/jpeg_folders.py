"""Folders of numbered JPEG images."""

import numpy as np
from PIL import Image

from tests.helpers import bad_videos

WIDTH, HEIGHT = 64, 48


def write(folder, count=12, *, first=1, prefix="", digits=5, size=(WIDTH, HEIGHT), mode="RGB"):
    """Write images that encode their index in black and white blocks, which survive JPEG."""
    folder.mkdir(parents=True)
    for index in range(count):
        picture = Image.fromarray(bad_videos.picture(index, *size)).convert(mode)
        picture.save(folder / f"{prefix}{first + index:0{digits}}.jpg", quality=95)
    return folder


def shown(frames):
    """Return the index encoded in every frame."""
    return [bad_videos.frame_number(np.asarray(frame)) for frame in frames]
