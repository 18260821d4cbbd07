"""What a network sees of each video, in bytes; `(seed, epoch, place)` fixes all randomness.

A training item is one finished clip. A test item holds each distinct frame once; `cut_views` makes
its crops and passes from that, on any device.

Axes: V views, U snippets of a pass, S of all passes, T frames, D distinct frames, H x W pixels,
C colours.
"""

from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from harness.data import sampling, transforms
from harness.data.reading.frame_cache import FrameCache
from harness.data.video import Video
from harness.specs import DataSpec, EvalSpec


class ClipRequest(NamedTuple):
    """What to show of a video: all that its item depends on, besides the spec and the seed.

    Attributes:
        video: The video.
        place: Its place in its list.
        epoch: Changes the randomness of training.
        views: Views of a test video; None for one random training view.
    """

    video: Video
    place: int
    epoch: int = 0
    views: EvalSpec | None = None


class TrainExample(NamedTuple):
    """One random view of a video, its label, and its place in its list."""

    clips: UInt8[Tensor, "1 U T H W C"]
    label: int
    place: int


class TestExample(NamedTuple):
    """The distinct frames of all views of a video, and which of them each snippet shows."""

    frames: UInt8[Tensor, "D h w C"]
    snippets: Int[np.ndarray, "S T"]
    label: int
    place: int


Example = TrainExample | TestExample


class ClipDataset(Dataset[Example]):
    """Makes items from keys.

    Args:
        spec: Snippets and crops.
        seed: Seed of the trial.
        cache: Gives frames.
    """

    def __init__(self, spec: DataSpec, *, seed: int, cache: FrameCache) -> None:
        self.spec = spec
        self.seed = seed
        self.cache = cache

    def __getitem__(self, key: ClipRequest) -> Example:
        shown = sampling.timeline(key.video, self.spec.fps)
        if key.views is not None:
            return self._test(key, key.views, shown)
        return self._train(key, np.random.default_rng((self.seed, key.epoch, key.place)), shown)

    def _train(
        self, key: ClipRequest, rng: np.random.Generator, shown: Int[np.ndarray, " K"]
    ) -> TrainExample:
        wanted = shown[sampling.train_frames(len(shown), self.spec, rng)]
        crop = transforms.train_crop(self.cache.read(key.video, wanted.ravel()), self.spec, rng)
        clips = rearrange(crop, "(u t) h w c -> 1 u t h w c", u=self.spec.num_snippets)
        # The last draw: a video with one label gives the clip that it gave without this line.
        label = key.video.labels[rng.integers(len(key.video.labels))]
        return TrainExample(clips, label, key.place)

    def _test(self, key: ClipRequest, views: EvalSpec, shown: Int[np.ndarray, " K"]) -> TestExample:
        total = views.num_passes * (views.pass_snippets or self.spec.num_snippets)
        wanted = shown[sampling.test_frames(len(shown), self.spec, num_snippets=total)]
        distinct, snippets = np.unique(wanted, return_inverse=True)
        frames = transforms.short_side(self.cache.read(key.video, distinct), views)
        return TestExample(frames, snippets.reshape(wanted.shape), key.video.label, key.place)


def all_views(video: Video, spec: DataSpec, views: EvalSpec) -> UInt8[Tensor, "V U T c c C"]:
    """Return all views of a test video, in bytes."""
    item = ClipDataset(spec, seed=0, cache=FrameCache(0))[ClipRequest(video, 0, views=views)]
    assert isinstance(item, TestExample)
    return cut_views(item.frames, item.snippets, views)


def cut_views(
    frames: UInt8[Tensor, "D h w C"], snippets: Int[np.ndarray, "S T"], views: EvalSpec
) -> UInt8[Tensor, "V U T c c C"]:
    """Cut the crops of test frames and deal their snippets out to passes, where the frames are.

    Args:
        frames: Distinct frames of a video, the short side resized.
        snippets: The frames of each one.
        views: Passes and crops.
    """
    table = sampling.view_table(views, len(snippets) // views.num_passes)
    crop, frame = table[..., :1], snippets[table[..., 1]]
    at = [torch.from_numpy(each).to(frames.device) for each in (crop, frame)]
    return transforms.cut_crops(frames, views)[at[0], at[1]]
