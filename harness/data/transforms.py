"""Crop, resize and flip the frames of a video, in bytes; normalise clips, in floats.

Axes: N videos, V views, P passes, U snippets, T frames, C colours, H x W pixels.
Source: random resized crop as in torchvision (area and aspect drawn, ten tries, then the largest
centred crop); one box and one flip for all frames of a video, as in the released code of DSANet.
"""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

from harness.specs import DataSpec, EvalSpec

Frames = UInt8[Tensor, "F H W C"]
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
Box = tuple[int, int, int, int]
_TRIES = 10


def train_crop(
    frames: Frames, spec: DataSpec, rng: np.random.Generator
) -> UInt8[Tensor, "F c c C"]:
    """Cut one random box out of every frame, resize it to the crop, and mirror it half the time."""
    top, left, height, width = random_box(frames.shape[1], frames.shape[2], spec, rng)
    box = frames[:, top : top + height, left : left + width]
    crop = resize(box, spec.crop_px, spec.crop_px)
    return crop.flip(2) if spec.flip and rng.random() < 0.5 else crop


def random_box(height: int, width: int, spec: DataSpec, rng: np.random.Generator) -> Box:
    """Draw the top, left, height and width of a crop, in pixels."""
    narrow, wide = spec.crop_aspect
    for _ in range(_TRIES):
        area = height * width * rng.uniform(*spec.crop_area)
        aspect = math.exp(rng.uniform(math.log(narrow), math.log(wide)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
            return int(top), int(left), h, w
    h = min(height, round(width / narrow))
    w = min(width, round(height * wide))
    return (height - h) // 2, (width - w) // 2, h, w


def short_side(frames: Frames, spec: EvalSpec) -> UInt8[Tensor, "F h w C"]:
    """Resize test frames to the short side of the spec."""
    height, width = frames.shape[1:3]
    short = spec.short_side_px
    if height < width:
        return resize(frames, short, round(width * short / height))
    return resize(frames, round(height * short / width), short)


def cut_crops(frames: Frames, spec: EvalSpec) -> UInt8[Tensor, "crops F c c C"]:
    """Cut one centred crop or three along the long side, on the device of `frames`."""
    margins = [side - spec.crop_px for side in frames.shape[1:3]]
    offsets = (0, 1, 2) if spec.num_crops == 3 else (1,)
    is_upright = margins[0] > margins[1]
    crops = []
    for offset in offsets:
        top, left = (
            margin * (offset if is_long else 1) // 2
            for margin, is_long in zip(margins, (is_upright, not is_upright), strict=True)
        )
        crops.append(frames[:, top : top + spec.crop_px, left : left + spec.crop_px])
    return torch.stack(crops)


def resize(frames: Frames, height: int, width: int) -> UInt8[Tensor, "F height width C"]:
    """Resize with antialiased bilinear interpolation, in bytes."""
    if frames.shape[1:3] == (height, width):
        return frames
    pictures = rearrange(frames, "f h w c -> f c h w")
    pictures = F.interpolate(pictures, (height, width), mode="bilinear", antialias=True)
    return rearrange(pictures, "f c h w -> f h w c")


def normalise(
    clips: UInt8[Tensor, "N U T H W C"], *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "N U C T H W"]:
    """Turn bytes into floats with ImageNet's mean and deviation, on the device of `clips`."""
    mean, std = _mean_and_deviation(clips.device, dtype)
    return rearrange((clips.to(dtype) - mean) / std, "n u t h w c -> n u c t h w")


@cache
def _mean_and_deviation(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the constants of `normalise`; to copy them for every batch would stop a GPU."""
    with torch.inference_mode(mode=False):  # scoring may come first, and training uses them too
        mean, std = (torch.tensor(values, dtype=dtype) * 255 for values in (MEAN, STD))
        return mean.to(device), std.to(device)
