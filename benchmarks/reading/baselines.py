"""Baselines: video reading of other projects, rewritten step by step; none of them is imported.

Sources: `PyAVDecode` and raw frames as in the released code of DSANet and in MMAction2; seeking as
in PySlowFast. TorchCodec, decord and OpenCV are used if they are installed. All decode in one
thread.
Crop and resize are the same torch function everywhere, so paths differ by what they read, by
the type of number, and by how often they do it.

Axes: F frames, U snippets, T frames of a snippet, H x W pixels.
"""

from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from av.video.reformatter import VideoReformatter
from einops import rearrange
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from harness.data.reading.container import open_video
from harness.data.transforms import MEAN, STD, Box, resize

Wanted = Int[np.ndarray, "U T"]
JPEG_QUALITY = 90


def decode_all(path: Path) -> int:
    """Decode every frame and convert none."""
    with open_video(path) as (container, stream):
        return sum(1 for _ in container.decode(stream))


def convert_all(path: Path, wanted: Wanted) -> UInt8[Tensor, "F H W 3"]:
    """Convert every frame up to the last wanted one, then choose."""
    pictures = []
    with open_video(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            pictures.append(frame.to_rgb(threads=1).to_ndarray())
            if index == wanted.max():
                break
    return torch.from_numpy(np.stack(pictures)[wanted.ravel()])


def seek_each(path: Path, wanted: Wanted) -> UInt8[Tensor, "F H W 3"]:
    """Seek to each snippet and convert all frames that it spans."""
    pictures = []
    reformatter = VideoReformatter()
    with open_video(path) as (container, stream):
        step = int(1 / (Fraction(stream.average_rate or 1) * Fraction(stream.time_base or 1)))
        start = stream.start_time or 0
        for snippet in wanted:
            stamps = (snippet * step + start).tolist()
            container.seek(stamps[0], stream=stream)
            found = {}
            for frame in container.decode(stream):
                if frame.pts >= stamps[0]:
                    rgb = reformatter.reformat(frame, format="rgb24", threads=1)
                    found[frame.pts] = rgb.to_ndarray()
                if frame.pts >= stamps[-1]:
                    break
            pictures += [found[stamp] for stamp in stamps]
    return torch.from_numpy(np.stack(pictures))


def torchcodec(path: Path, wanted: Wanted) -> UInt8[Tensor, "F H W 3"]:
    """Let TorchCodec read, in its exact mode."""
    decoder = import_module("torchcodec.decoders").VideoDecoder(
        str(path), seek_mode="exact", num_ffmpeg_threads=1, dimension_order="NHWC"
    )
    frames: Tensor = decoder.get_frames_at(wanted.ravel().tolist()).data
    return frames


def decord_sampled(path: Path, wanted: Wanted) -> UInt8[Tensor, "F H W 3"]:
    """Let decord read a batch, in the order of the snippets."""
    reader = import_module("decord").VideoReader(str(path), num_threads=1)
    return torch.from_numpy(reader.get_batch(wanted.ravel().tolist()).asnumpy())


def decord_sorted(path: Path, wanted: Wanted) -> UInt8[Tensor, "F H W 3"]:
    """Let decord read a batch of distinct frames, in the order of time."""
    distinct, places = np.unique(wanted, return_inverse=True)
    reader = import_module("decord").VideoReader(str(path), num_threads=1)
    return torch.from_numpy(reader.get_batch(distinct.tolist()).asnumpy()[places.ravel()])


def opencv(path: Path, wanted: Wanted) -> UInt8[Tensor, "F H W 3"]:
    """Let OpenCV go through the frames and hand over the wanted ones."""
    cv2: Any = import_module("cv2")
    cv2.setNumThreads(1)
    capture, found = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), {}
    for index in range(wanted.max() + 1):
        capture.grab()
        if index in wanted:
            found[index] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
    capture.release()
    return torch.from_numpy(np.stack([found[index] for index in wanted.ravel()]))


def write_jpegs(path: Path, folder: Path) -> None:
    """Write the raw frames of a video, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_video(path) as (container, stream):
        for index, frame in enumerate(container.decode(stream)):
            picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
            picture.save(_jpeg(folder, index), quality=JPEG_QUALITY)


def jpegs(folder: Path, wanted: Wanted) -> UInt8[Tensor, "F H W 3"]:
    """Read raw frames."""
    pictures = [np.array(Image.open(_jpeg(folder, index))) for index in wanted.ravel().tolist()]
    return torch.from_numpy(np.stack(pictures))


def _jpeg(folder: Path, index: int) -> Path:
    return folder / f"img_{index + 1:05d}.jpg"


def float_crop(
    frames: UInt8[Tensor, "F H W 3"], box: Box, crop_px: int
) -> Float[Tensor, "F 3 c c"]:
    """Crop, resize, mirror and normalise frame by frame, in floats, on the CPU."""
    return torch.stack([_floats(_cut(frame, box, crop_px).flip(1)) for frame in frames])


def span_crop(frames: UInt8[Tensor, "F H W 3"], box: Box, crop_px: int) -> Float[Tensor, "F 3 c c"]:
    """Normalise whole frames as floats, then crop and resize them."""
    top, left, height, width = box
    floats = rearrange((frames.float() / 255 - 0.45) / 0.225, "f h w c -> f c h w")
    cut = floats[:, :, top : top + height, left : left + width]
    return torch.nn.functional.interpolate(cut, (crop_px, crop_px), mode="bilinear").flip(3)


def byte_crop(frames: UInt8[Tensor, "F H W 3"], box: Box, crop_px: int) -> UInt8[Tensor, "F 3 c c"]:
    """Crop, resize and mirror frame by frame, in bytes."""
    cut = torch.stack([_cut(frame, box, crop_px).flip(1) for frame in frames])
    return rearrange(cut, "f h w c -> f c h w").contiguous()


def float_crops(
    frames: UInt8[Tensor, "F H W 3"], *, short_px: int, crops: int
) -> Float[Tensor, "F crops 3 c c"]:
    """Resize the short side of every frame and cut crops along the long one, in floats."""
    height, width = frames.shape[1:3]
    size = round(width * short_px / height)
    made = []
    for frame in frames:
        picture = resize(frame[None], short_px, size)[0]
        lefts = [crop * (size - short_px) // max(crops - 1, 1) for crop in range(crops)]
        made.append(torch.stack([_floats(picture[:, x : x + short_px]) for x in lefts]))
    return torch.stack(made)


def _cut(frame: UInt8[Tensor, "H W 3"], box: Box, crop_px: int) -> UInt8[Tensor, "c c 3"]:
    top, left, height, width = box
    return resize(frame[None, top : top + height, left : left + width], crop_px, crop_px)[0]


def _floats(frame: UInt8[Tensor, "c c 3"]) -> Float[Tensor, "3 c c"]:
    mean, std = (torch.tensor(values) * 255 for values in (MEAN, STD))
    return rearrange((frame.float() - mean) / std, "h w c -> c h w").contiguous()


def per_view(
    path: Path, wanted: Wanted, *, short_px: int, crops: int
) -> Sequence[Float[Tensor, "T 3 c c"]]:
    """Read once for every view: each snippet as often as it has crops."""
    views = []
    for snippet in wanted:
        for crop in range(crops):
            frames = seek_each(path, snippet[None])
            views.append(float_crops(frames, short_px=short_px, crops=crops)[:, crop])
    return views
