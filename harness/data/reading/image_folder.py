"""Read the wanted pictures of a folder that holds one for each frame of a video.

`numbered` states which files are pictures and how one is decoded.
Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from harness.data.reading import jpeg_sequence
from harness.data.video import DamagedVideoError

MAX_PIXELS = 9_000_000  # as a check allows, see harness.data.prepare.video_facts.Limits


def read(path: Path, wanted: Sequence[int] | None = None) -> UInt8[Tensor, "F H W 3"]:
    """Decode the wanted pictures of a folder, as `decode.read_frames` does those of a file.

    Args:
        path: A folder of numbered pictures.
        wanted: Indices from 0, increasing, whatever number the first one has; None for all.

    Raises:
        DamagedVideoError: If a wanted picture is missing, not a whole JPEG, too large, or of
            another size than the first wanted one; if a number or a name is not as it should be.
    """
    try:
        pictures = [_read_rgb(path / name) for name in _picture_names(path, wanted)]
    except (DamagedVideoError, OSError) as error:
        raise DamagedVideoError(f"{path}: {error}") from error
    if len({picture.shape for picture in pictures}) > 1:
        raise DamagedVideoError(f"{path}: its pictures differ in size")
    return torch.from_numpy(np.stack(pictures))


def _picture_names(path: Path, wanted: Sequence[int] | None) -> list[str]:
    names = jpeg_sequence.sort_by_number(each.name for each in path.iterdir())
    chosen = range(len(names)) if wanted is None else wanted
    if not names or max(chosen) >= len(names):
        raise DamagedVideoError(f"it has {len(names)} pictures, fewer than are wanted")
    return [names[index] for index in chosen]


def _read_rgb(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    with jpeg_sequence.open_jpeg(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DamagedVideoError(f"{path.name!r} has more than {MAX_PIXELS} pixels")
        return np.asarray(image.convert("RGB"))
