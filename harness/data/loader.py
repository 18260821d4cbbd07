"""Batches of clips from the videos of a split.

Axes: N videos, V views, U snippets, C colours, T frames, H x W pixels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int, Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from harness.data import sampling, transforms
from harness.data.decode import Frames, read_frames
from harness.data.videos import Video
from harness.runtime import Runtime
from harness.specs import DataSpec, EvalSpec

Item = tuple[UInt8[Tensor, "V U T H W C"], int, int]


class Batch(NamedTuple):
    """Clips on the device of the run, their labels, and the places of the videos in their list."""

    clips: Float[Tensor, "N V U C T H W"]
    labels: Int64[Tensor, " N"]
    indices: Int64[Tensor, " N"]


class FrameCache:
    """Decoded videos, kept whole while there is room; the rest is decoded anew each time.

    Args:
        room_mb: Room in megabytes.
    """

    def __init__(self, room_mb: int) -> None:
        self.room = room_mb * 1_000_000
        self.whole: dict[Path, Frames] = {}

    def read(self, video: Video, wanted: Int[np.ndarray, " F"]) -> Frames:
        """Return frames of a video by index; an index may occur twice."""
        if video.path not in self.whole and self.room > 0:
            frames = read_frames(video.path)
            self.room -= frames.nbytes
            self.whole[video.path] = frames
        if video.path in self.whole:
            return self.whole[video.path][wanted]
        distinct, places = np.unique(wanted, return_inverse=True)
        return read_frames(video.path, distinct.tolist())[places]


class Clips(Dataset[Item]):
    """What a network sees of each video, in bytes; `(epoch, index)` fixes all randomness.

    Args:
        videos: The list that indices refer to.
        spec: Snippets and crops.
        views: Views of a test video; None for one random training view.
        seed: Seed of the trial.
        cache: Gives frames.
    """

    def __init__(
        self,
        videos: list[Video],
        spec: DataSpec,
        *,
        views: EvalSpec | None,
        seed: int,
        cache: FrameCache,
    ) -> None:
        self.videos = videos
        self.spec = spec
        self.views = views
        self.seed = seed
        self.cache = cache

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, key: tuple[int, int]) -> Item:
        epoch, index = key
        video = self.videos[index]
        if self.views is None:
            clips = self._training_view(video, np.random.default_rng((self.seed, epoch, index)))
        else:
            clips = self._test_views(video, self.views)
        return clips, video.label, index

    def _training_view(
        self, video: Video, rng: np.random.Generator
    ) -> UInt8[Tensor, "1 U T H W C"]:
        wanted = sampling.train_frames(video.frames, self.spec, rng)
        crop = transforms.train_crop(self.cache.read(video, wanted.ravel()), self.spec, rng)
        return rearrange(crop, "(u t) h w c -> 1 u t h w c", u=self.spec.num_snippets)

    def _test_views(self, video: Video, views: EvalSpec) -> UInt8[Tensor, "V U T H W C"]:
        table = sampling.view_table(views, views.pass_snippets or self.spec.num_snippets)
        total = views.num_passes * table.shape[1]
        wanted = sampling.test_frames(video.frames, self.spec, num_snippets=total)
        crops = transforms.test_crops(self.cache.read(video, wanted.ravel()), views)
        clips = rearrange(crops, "crops (s t) h w c -> crops s t h w c", s=total)
        return clips[table[..., 0], table[..., 1]]


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """Batches of `(epoch, index)`: shuffled and whole in training, in order and all in testing.

    Args:
        size: Videos in the list.
        batch_videos: Videos in a batch.
        seed: Seed of the shuffle; None keeps the order and the last, smaller batch.
    """

    def __init__(self, size: int, *, batch_videos: int, seed: int | None) -> None:
        self.size = size
        self.batch_videos = batch_videos
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        whole, rest = divmod(self.size, self.batch_videos)
        return whole + (self.seed is None and rest > 0)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = np.arange(self.size)
        if self.seed is not None:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.size)
        for batch in range(len(self)):
            chosen = order[batch * self.batch_videos : (batch + 1) * self.batch_videos]
            yield [(self.epoch, int(index)) for index in chosen]


class Loader:
    """Batches of one split, epoch by epoch, on the device of the run.

    Args:
        videos: The split.
        spec: Snippets and crops.
        views: Views of a test video; None for training.
        batch_videos: Videos in a batch.
        seed: Seed of the trial.
        runtime: Device and loader processes.
        cache: Gives frames; None makes one of the runtime's size.

    Raises:
        ValueError: If training has fewer videos than one batch.
    """

    def __init__(
        self,
        videos: list[Video],
        spec: DataSpec,
        *,
        views: EvalSpec | None = None,
        batch_videos: int,
        seed: int,
        runtime: Runtime,
        cache: FrameCache | None = None,
    ) -> None:
        training = views is None
        self.device = torch.device(runtime.device)
        self.sampler = EpochBatches(
            len(videos), batch_videos=batch_videos, seed=seed if training else None
        )
        if not len(self.sampler):
            raise ValueError(f"{len(videos)} videos do not fill one batch of {batch_videos}")
        cache = cache or FrameCache(runtime.cache_mb)
        clips = Clips(videos, spec, views=views, seed=seed, cache=cache)
        self.loader = DataLoader(
            clips,
            batch_sampler=self.sampler,
            num_workers=runtime.workers,
            persistent_workers=runtime.workers > 0,
            pin_memory=self.device.type == "cuda",
        )

    def __len__(self) -> int:
        return len(self.sampler)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        self.sampler.epoch = epoch
        for clips, labels, indices in self.loader:
            moved = clips.to(self.device, non_blocking=True)
            views = rearrange(moved, "n v u t h w c -> (n v) u t h w c")
            floats = rearrange(
                transforms.normalise(views), "(n v) u c t h w -> n v u c t h w", n=len(labels)
            )
            yield Batch(floats, labels.to(self.device, non_blocking=True), indices)
