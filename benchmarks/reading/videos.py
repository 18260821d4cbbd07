"""Make the videos that reading is measured on: a drawn scene with grain, as x264 would leave it.

Hard edges and texture pan and shake behind moving patches, with one cut, so that the encoder
needs all kinds of pictures. Every clip is written once per kind from the same drawing.

Axes: F frames, H x W pixels.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
import torch.nn.functional as F
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8

RATE = 30
_PATCHES = 6


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way to store a clip.

    Attributes:
        width: In pixels.
        height: In pixels.
        group: Most pictures of a group.
        kbps: Kilobits a second; 0 for what x264 takes by itself.
    """

    width: int
    height: int
    group: int
    kbps: int = 0

    @property
    def name(self) -> str:
        """Return the size, the group length, and the rate if it is fixed."""
        rate = f", {self.kbps} kbit/s" if self.kbps else ""
        return f"{self.width}x{self.height} GOP {self.group}{rate}"


# The clips of Kinetics behind target 7 have 800 kbit/s, twice what a drawn scene takes.
KINDS = (
    Kind(width=340, height=256, group=250),
    Kind(width=340, height=256, group=12),
    Kind(width=340, height=256, group=250, kbps=800),
    Kind(width=1280, height=720, group=250),
    Kind(width=1280, height=720, group=12),
)
TINY = (
    Kind(width=64, height=48, group=250),
    Kind(width=64, height=48, group=12),
    Kind(width=64, height=48, group=250, kbps=80),
)


def path(folder: Path, kind: Kind, number: int) -> Path:
    """Return where a clip is."""
    rate = f"-{kind.kbps}k" if kind.kbps else ""
    return folder / f"{kind.width}x{kind.height}-gop{kind.group}{rate}-{number}.mp4"


def make(folder: Path, number: int, *, seconds: int, kinds: tuple[Kind, ...] = KINDS) -> None:
    """Write what is missing of one clip."""
    missing = [kind for kind in kinds if not path(folder, kind, number).is_file()]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    parts = {kind: path(folder, kind, number).with_suffix(".part") for kind in missing}
    largest = max(missing, key=lambda kind: kind.width)
    pictures = scene(number, seconds * RATE, width=largest.width, height=largest.height)
    _encode(pictures, parts)
    for kind, part in parts.items():
        part.replace(path(folder, kind, number))


def _encode(pictures: Iterator[UInt8[np.ndarray, "H W 3"]], parts: dict[Kind, Path]) -> None:
    with ExitStack() as stack:
        opened = []
        for kind, part in parts.items():
            container = stack.enter_context(av.open(str(part), "w", format="mp4"))
            stream = container.add_stream("libx264", rate=RATE, options={"g": str(kind.group)})
            stream.width, stream.height, stream.pix_fmt = kind.width, kind.height, "yuv420p"
            if kind.kbps:
                stream.bit_rate = 1000 * kind.kbps
            opened.append((container, stream, VideoReformatter()))
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            for container, stream, reformatter in opened:
                size = (stream.width, stream.height)
                container.mux(stream.encode(reformatter.reformat(frame, *size, "yuv420p")))
        for container, stream, _ in opened:
            container.mux(stream.encode())


def scene(
    seed: int, frames: int, *, width: int, height: int
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Draw the frames of a clip, one by one."""
    rng = np.random.default_rng(seed)
    shake = np.cumsum(rng.normal(0, 1, (frames, 2)), axis=0)
    pan = rng.uniform(-1.5, 1.5, 2)
    grain = rng.integers(-6, 7, (8, height, width, 1), dtype=np.int16)
    for number in range(frames):
        if number in (0, 3 * frames // 5):
            ground = _texture(rng, 3 * height, 3 * width)
            patches = [
                _texture(rng, *(rng.integers(height // 6, height // 2, 2))) for _ in range(_PATCHES)
            ]
            ways = rng.uniform(0, 2 * np.pi, (_PATCHES, 3))
        # The ground is drawn at double size: an odd step moves it by half a pixel.
        top, left = (np.array([height, width]) // 2 + pan * number + shake[number]).astype(int)
        top, left = top % height, left % width
        picture = ground[top : top + 2 * height : 2, left : left + 2 * width : 2].astype(np.int16)
        for patch, way in zip(patches, ways, strict=True):
            _put(picture, patch, way, 0.4 * number / RATE)
        yield np.clip(picture + grain[rng.integers(8)], 0, 255).astype(np.uint8)


def _texture(
    rng: np.random.Generator, height: int, width: int
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw blobs of every size, then a few bars with hard edges."""
    picture = torch.full((1, 3, int(height), int(width)), 120.0)
    for cells in (3, 6, 12, 24, 48, 96, 192):
        coarse = torch.from_numpy(rng.normal(0, 110 / cells**0.6, (1, 3, cells, cells)))
        picture += F.interpolate(coarse.float(), picture.shape[2:], mode="bilinear")
    drawn: UInt8[np.ndarray, "height width 3"] = (
        picture[0].permute(1, 2, 0).clamp(0, 255).byte().numpy()
    )
    for _ in range(20):
        top, left = rng.integers(height), rng.integers(width)
        tall, wide = rng.integers(2, max(height // 8, 3)), rng.integers(2, max(width // 8, 3))
        drawn[top : top + tall, left : left + wide] = rng.integers(0, 256, 3)
    return drawn


def _put(
    picture: np.ndarray, patch: UInt8[np.ndarray, "h w 3"], way: np.ndarray, seconds: float
) -> None:
    """Paste a patch where its way has brought it; it never leaves the picture."""
    room = np.array(picture.shape[:2]) - patch.shape[:2]
    share = 0.5 + 0.5 * np.sin(way[:2] + seconds * (0.5 + way[2] / 3) * np.array([1.0, 1.3]))
    top, left = (room * share).astype(int)
    picture[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
