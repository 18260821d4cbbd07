"""Frames from a folder with one picture for each frame of a video.

`harness.data.pictures` says which files of a folder these are, `picture_file` how they decode.
Axes: F frames, H x W pixels, 3 colours (RGB, 0 to 255).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from harness.data import gate, pictures
from harness.data.reading import picture_file
from harness.data.video import DamagedVideoError, RefusedVideoError


def read(
    path: Path, indices: Sequence[int] | None = None, *, within: Sequence[str] = ()
) -> UInt8[Tensor, "F H W 3"]:
    """Decode pictures of a folder, as `decode.read_frames` decodes frames of a file.

    Args:
        path: A folder of numbered pictures.
        indices: Pictures to return, increasing, from 0 whatever the first number; None for all.
        within: Folders that links may lead into, from `gate.real_folders`; none for any.

    Raises:
        DamagedVideoError: If a requested picture is missing, not complete, or of another size
            than the first requested one; if a name or a number is invalid.
        RefusedVideoError: If the gate refuses one.
    """
    try:
        frames = [_read_rgb(path / name, within) for name in _picture_names(path, indices)]
    except RefusedVideoError as error:
        raise RefusedVideoError(f"{path}: {error}") from error
    except (DamagedVideoError, OSError) as error:
        raise DamagedVideoError(f"{path}: {error}") from error
    if len({frame.shape for frame in frames}) > 1:
        raise DamagedVideoError(f"{path}: pictures differ in size")
    return torch.from_numpy(np.stack(frames))


def _picture_names(path: Path, indices: Sequence[int] | None) -> list[str]:
    names = pictures.sort_by_number(gate.list_names(path))
    if not names:
        raise RefusedVideoError("folder holds no picture")
    selection = range(len(names)) if indices is None else indices
    if max(selection) >= len(names):
        raise DamagedVideoError(f"folder has {len(names)} pictures, fewer than requested")
    return [names[index] for index in selection]


def _read_rgb(path: Path, within: Sequence[str]) -> UInt8[np.ndarray, "H W 3"]:
    gate.check_link(path, within)
    with picture_file.open_picture(path) as image:
        picture_file.load(image, path.name)
        return np.asarray(image.convert("RGB"))
