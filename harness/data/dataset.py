"""Clips of each video for a network, in bytes; `(seed, epoch, video index)` fixes all randomness.

A training example is one finished clip. A test example holds each distinct frame once; `cut_views`
makes its crops and passes from these frames, on any device.

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
from harness.data.passport.content import check_unchanged
from harness.data.reading.frame_cache import FrameCache
from harness.data.video import Video
from harness.specs import DataSpec, EvalSpec


class ClipRequest(NamedTuple):
    """A request for an example: all that it depends on besides the spec and the seed.

    Attributes:
        video: The video.
        video_index: Its index in the list of its split.
        epoch: Changes the randomness of training.
        views: Views of a test video; None for one random training view.
    """

    video: Video
    video_index: int
    epoch: int = 0
    views: EvalSpec | None = None


class TrainExample(NamedTuple):
    """One random view of a video, its label, and its index in the list of its split."""

    clips: UInt8[Tensor, "1 U T H W C"]
    label: int
    video_index: int


class TestExample(NamedTuple):
    """The distinct frames of all views of a video, and the frames of each snippet among them."""

    frames: UInt8[Tensor, "D h w C"]
    snippets: Int[np.ndarray, "S T"]
    label: int
    video_index: int


Example = TrainExample | TestExample


class ClipDataset(Dataset[Example]):
    """Examples by request.

    Args:
        spec: Snippets and crops.
        seed: Seed of the trial.
        cache: Source of the frames.
    """

    def __init__(self, spec: DataSpec, *, seed: int, cache: FrameCache) -> None:
        self.spec = spec
        self.seed = seed
        self.cache = cache

    def __getitem__(self, request: ClipRequest) -> Example:
        check_unchanged(request.video)
        if request.views is not None:
            return self._test(request, request.views)
        return self._train(
            request, np.random.default_rng((self.seed, request.epoch, request.video_index))
        )

    def _train(self, request: ClipRequest, rng: np.random.Generator) -> TrainExample:
        timeline = sampling.timeline(request.video, self.spec.fps)
        indices = timeline[sampling.train_frames(len(timeline), self.spec, rng)]
        crop = transforms.train_crop(
            self.cache.read(request.video, indices.ravel()), self.spec, rng
        )
        clips = rearrange(crop, "(u t) h w c -> 1 u t h w c", u=self.spec.num_snippets)
        # Drawn last, so that the clip of a video does not depend on its number of labels.
        label = request.video.labels[rng.integers(len(request.video.labels))]
        return TrainExample(clips, label, request.video_index)

    def _test(self, request: ClipRequest, views: EvalSpec) -> TestExample:
        indices = snippet_frames(request.video, self.spec, views)
        distinct, snippets = np.unique(indices, return_inverse=True)
        frames = transforms.short_side(self.cache.read(request.video, distinct), views)
        return TestExample(
            frames, snippets.reshape(indices.shape), request.video.label, request.video_index
        )


def snippet_frames(video: Video, spec: DataSpec, views: EvalSpec) -> Int[np.ndarray, "S T"]:
    """Return the frame of the file at each place of the snippets of all passes."""
    timeline = sampling.timeline(video, spec.fps)
    total = views.num_passes * (views.pass_snippets or spec.num_snippets)
    frames: Int[np.ndarray, "S T"] = timeline[
        sampling.test_frames(len(timeline), spec, num_snippets=total)
    ]
    return frames


def all_views(video: Video, spec: DataSpec, views: EvalSpec) -> UInt8[Tensor, "V U T c c C"]:
    """Return all views of a test video, in bytes."""
    example = ClipDataset(spec, seed=0, cache=FrameCache(0))[ClipRequest(video, 0, views=views)]
    assert isinstance(example, TestExample)
    return cut_views(example.frames, example.snippets, views)


def cut_views(
    frames: UInt8[Tensor, "D h w C"], snippets: Int[np.ndarray, "S T"], views: EvalSpec
) -> UInt8[Tensor, "V U T c c C"]:
    """Cut the crops of test frames and assign snippets to passes, on the device of the frames.

    Args:
        frames: Distinct frames of a video, the short side resized.
        snippets: Indices into `frames`, for each snippet.
        views: Passes and crops.
    """
    table = sampling.view_table(views, len(snippets) // views.num_passes)
    crop, frame = table[..., :1], snippets[table[..., 1]]
    index = [torch.from_numpy(axis).to(frames.device) for axis in (crop, frame)]
    return transforms.cut_crops(frames, views)[index[0], index[1]]
