"""Comparisons of video readers, each with its target ratio.

Readers of other projects are in `baselines`; ours do what a loader of this harness does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.reading import baselines
from benchmarks.reading.baselines import Wanted
from benchmarks.reading.videos import Kind
from harness.data import transforms
from harness.data.reading import sparse_decode
from harness.data.reading.decode import read_frames
from harness.data.reading.index_cache import ByteBudget, PacketTableCache
from harness.data.reading.packet_index import PacketTable
from harness.specs import DataSpec, EvalSpec

SPEC = DataSpec(name="bench", num_classes=2, num_snippets=4, num_frames=4, frame_stride=16)
VIEWS = EvalSpec(num_passes=1, num_crops=3, crop_px=256, short_side_px=256)
SMALL_PX = 256
OURS, INDEXED = "planned", "indexed"  # the first read of a file by a process, and any later one
_TABLES = PacketTableCache(ByteBudget(1_000_000))


@dataclass(frozen=True, kw_only=True)
class Forms:
    """Other forms of a video on the disk.

    Attributes:
        copy: Its training copy.
        jpegs: Folder of its raw frames.
    """

    copy: Path
    jpegs: Path


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One made video and what is wanted of it.

    Attributes:
        path: The file.
        known: Its packets.
        train: Frames of a training view.
        test: Frames of the test views.
        box: The crop of the training view.
        forms: Its training copy and its raw frames, where whole paths are measured.
    """

    path: Path
    known: PacketTable
    train: Wanted
    test: Wanted
    box: transforms.Box
    forms: Forms | None


Read = Callable[[Clip], Sequence[Tensor]]


@dataclass(frozen=True, kw_only=True)
class Duel:
    """A comparison to make.

    Attributes:
        what: What is read.
        other: The other one's name.
        theirs: What it does with a clip.
        ours: The name of our form.
        mine: What that does with a clip.
        target: The number of the target; 0 for none.
        least: The ratio that the target asks for.
        needs: The package that the other one needs.
        counts_reads: Whether the reads of both are counted too.
    """

    what: str
    other: str
    theirs: Read
    ours: str
    mine: Read
    target: int = 0
    least: float = 0
    needs: str = ""
    counts_reads: bool = False


Frames = UInt8[Tensor, "F H W 3"]
Line = tuple[str, Read, str, Read, int, float, str]


def duels(kind: Kind, *, whole_paths: bool) -> list[Duel]:
    """List the comparisons for one kind of video.

    Args:
        kind: How the videos are stored; targets are for the small ones.
        whole_paths: Compare whole paths, from the file to the network's input, as well.
    """
    if kind.kbps:
        return _copying(kind)
    listed = _reading(kind)
    return listed + _training() + _testing() if whole_paths else listed


def _reading(kind: Kind) -> list[Duel]:
    """Compare readers: sampled frames to RGB."""
    small = kind.height <= SMALL_PX
    sparse, dense = small and kind.group >= 250, small and kind.group < 250
    torchcodec, decord_sorted, decord_sampled, opencv = (
        partial(_read, reader)
        for reader in (
            baselines.torchcodec,
            baselines.decord_sorted,
            baselines.decord_sampled,
            baselines.opencv,
        )
    )
    table: list[Line] = [
        ("in order", _in_order, OURS, ours, 0, 0, ""),
        ("in order", _in_order, INDEXED, indexed, 0, 0, ""),
        ("decoding everything", _decode_all, OURS, ours, 4 * sparse, 1.4, ""),
        ("TorchCodec, exact", torchcodec, OURS, ours, 2 * sparse, 1.35, "torchcodec"),
        ("TorchCodec, exact", torchcodec, INDEXED, indexed, 5 * dense, 1.35, "torchcodec"),
        ("decord, sorted", decord_sorted, OURS, ours, 3 * sparse, 1.5, "decord"),
        ("decord, as sampled", decord_sampled, OURS, ours, 3 * sparse, 1.8, "decord"),
        ("OpenCV", opencv, OURS, ours, 0, 0, "cv2"),
    ]
    return _listed(f"reading 4 x 4 frames, {kind.name}", table)


def _training() -> list[Duel]:
    """Compare whole paths to a training view: U 4, T 4, one crop."""
    table: list[Line] = [
        ("PyAVDecode, floats", _official, INDEXED, _crop_again, 6, 1.9, ""),
        ("MMAction2, decord", _mmaction, OURS, _crop, 0, 0, "decord"),
        ("MMAction2, decord", _mmaction, INDEXED, _crop_again, 6, 2.0, "decord"),
        ("PySlowFast, a seek per snippet", _slowfast, INDEXED, _crop_again, 6, 3.0, ""),
        ("raw JPEG frames, floats", _raw, "planned, training copy", _crop_of_copy, 8, 1.2, ""),
        ("raw JPEG frames, floats", _raw, "indexed, training copy", _copy_again, 0, 0, ""),
    ]
    return _listed("file to training view, 4 x 4 frames, 224 px", table)


def _copying(kind: Kind) -> list[Duel]:
    """Compare originals with their training copies."""
    table: list[Line] = [
        ("planned, original", _crop, "planned, training copy", _crop_of_copy, 7, 4.0, ""),
        ("indexed, original", _crop_again, "indexed, training copy", _copy_again, 0, 0, ""),
    ]
    return _listed(f"file to training view, {kind.name}", table)


def _testing() -> list[Duel]:
    """Compare whole paths to the test views: 10 snippets, 3 crops."""
    once = "planned, each frame once"
    table: list[Line] = [
        ("PyAVDecode, 3 float crops", _official_views, once, _test_frames, 9, 3.5, ""),
        ("a read per view", _views, once, _test_frames, 9, 15.0, ""),
    ]
    return _listed("file to test views, 10 x 4 frames, 3 crops of 256 px", table)


def _listed(what: str, table: list[Line]) -> list[Duel]:
    return [
        Duel(
            what=what,
            other=other,
            theirs=theirs,
            ours=name,
            mine=mine,
            target=target,
            least=least if target else 0,
            needs=needs,
        )
        for other, theirs, name, mine, target, least, needs in table
    ]


def _read(reader: Callable[[Path, Wanted], Frames], clip: Clip) -> Sequence[Tensor]:
    return [reader(clip.path, clip.train)]


def _distinct(clip: Clip, read: Callable[[list[int]], Frames]) -> Frames:
    """Read as `harness.data.reading.frame_cache.read_any_order` does."""
    wanted = clip.train.ravel()
    distinct, places = np.unique(wanted, return_inverse=True)
    frames = read(distinct.tolist())
    return frames if np.array_equal(distinct, wanted) else frames[places]


def ours(clip: Clip) -> Sequence[Tensor]:
    """Read the training frames by plan, for the first time."""
    return [_distinct(clip, partial(sparse_decode.read_planned, clip.path))]


def indexed(clip: Clip) -> Sequence[Tensor]:
    """Read the training frames by plan, as a process does that read the file before."""
    return [_distinct(clip, partial(sparse_decode.read_planned, clip.path, tables=_TABLES))]


def _in_order(clip: Clip) -> Sequence[Tensor]:
    return [_distinct(clip, partial(read_frames, clip.path))]


def _decode_all(clip: Clip) -> Sequence[Tensor]:
    return [torch.tensor(baselines.decode_all(clip.path))]


def crop_rng() -> np.random.Generator:
    """Return the randomness of the one crop that all paths cut."""
    return np.random.default_rng(0)


def _cropped(frames: Frames) -> Sequence[Tensor]:
    return [transforms.train_crop(frames, SPEC, crop_rng())]


def _crop(clip: Clip) -> Sequence[Tensor]:
    return _cropped(ours(clip)[0])


def _crop_again(clip: Clip) -> Sequence[Tensor]:
    return _cropped(indexed(clip)[0])


def _crop_of_copy(clip: Clip) -> Sequence[Tensor]:
    assert clip.forms
    return _cropped(_distinct(clip, partial(sparse_decode.read_planned, clip.forms.copy)))


def _copy_again(clip: Clip) -> Sequence[Tensor]:
    assert clip.forms
    return _cropped(
        _distinct(clip, partial(sparse_decode.read_planned, clip.forms.copy, tables=_TABLES))
    )


def _official(clip: Clip) -> Sequence[Tensor]:
    frames = baselines.convert_all(clip.path, clip.train)
    return [baselines.float_crop(frames, clip.box, SPEC.crop_px)]


def _mmaction(clip: Clip) -> Sequence[Tensor]:
    frames = baselines.decord_sampled(clip.path, clip.train)
    return [baselines.byte_crop(frames, clip.box, SPEC.crop_px)]


def _slowfast(clip: Clip) -> Sequence[Tensor]:
    frames = baselines.seek_each(clip.path, clip.train)
    return [baselines.span_crop(frames, clip.box, SPEC.crop_px)]


def _raw(clip: Clip) -> Sequence[Tensor]:
    assert clip.forms
    frames = baselines.jpegs(clip.forms.jpegs, clip.train)
    return [baselines.float_crop(frames, clip.box, SPEC.crop_px)]


def _test_frames(clip: Clip) -> Sequence[Tensor]:
    """Read and crop each distinct frame once; snippets are gathered on the device."""
    frames = sparse_decode.read_planned(clip.path, np.unique(clip.test).tolist())
    return [transforms.cut_crops(transforms.short_side(frames, VIEWS), VIEWS)]


def _official_views(clip: Clip) -> Sequence[Tensor]:
    frames = baselines.convert_all(clip.path, clip.test)
    return [baselines.float_crops(frames, short_px=256, crops=3)]


def _views(clip: Clip) -> Sequence[Tensor]:
    return baselines.per_view(clip.path, clip.test, short_px=256, crops=3)
