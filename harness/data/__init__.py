"""Data sets by name, and batches of clips from them.

Axes: N videos, V views, U snippets, C colours, T frames, H x W pixels.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from harness.data import sampling, transforms
from harness.data.decode import read_frames
from harness.data.videos import Video
from harness.names import find
from harness.runtime import Runtime
from harness.specs import DataSpec, EvalSpec

DATASETS = {
    "desk": "harness.data.desk:videos",
}
Progress = Callable[[str, int, int], None]
Item = tuple[UInt8[Tensor, "V U T H W C"], int, int]


class Batch(NamedTuple):
    """Clips on the device of the run, their labels, and the places of the videos in their list."""

    clips: Float[Tensor, "N V U C T H W"]
    labels: Int64[Tensor, " N"]
    indices: Int64[Tensor, " N"]


def videos(
    spec: DataSpec, runtime: Runtime, progress: Progress | None = None
) -> dict[str, list[Video]]:
    """Return the videos of the `train` and `test` split, made or checked against their passport.

    Raises:
        ValueError: If the data set is unknown, or a file is missing or damaged.
    """
    listing = find(DATASETS, spec.name, what="data set")
    splits: dict[str, list[Video]] = listing(runtime.data, progress=progress, **spec.options)
    return splits


class Clips(Dataset[Item]):
    """What a network sees of each video, in bytes; `(epoch, index)` fixes all randomness.

    Args:
        videos: The list that indices refer to.
        spec: Snippets and crops.
        views: Views of a test video; None for one random training view.
        seed: Seed of the trial.
        cache_mb: Decoded frames to keep, in megabytes.
    """

    def __init__(
        self,
        videos: list[Video],
        spec: DataSpec,
        *,
        views: EvalSpec | None,
        seed: int,
        cache_mb: int,
    ) -> None:
        self.videos = videos
        self.spec = spec
        self.views = views
        self.seed = seed
        self.room = cache_mb * 1_000_000
        self.cache: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, key: tuple[int, int]) -> Item:
        epoch, index = key
        video = self.videos[index]
        if self.views is None:
            rng = np.random.default_rng((self.seed, epoch, index))
            wanted = sampling.train_frames(video.frames, self.spec, rng)
            frames = self._read(index, wanted.ravel())
            crop = transforms.train_crop(frames, self.spec, rng)
            clips = rearrange(crop, "(u t) h w c -> 1 u t h w c", u=self.spec.num_snippets)
        else:
            wanted = sampling.test_frames(video.frames, self.spec, num_passes=self.views.num_passes)
            crops = transforms.test_crops(self._read(index, wanted.ravel()), self.views)
            clips = rearrange(
                crops,
                "crops (p u t) h w c -> (p crops) u t h w c",
                p=self.views.num_passes,
                u=self.spec.num_snippets,
            )
        return clips, video.label, index

    def _read(self, index: int, wanted: np.ndarray) -> transforms.Frames:
        if index in self.cache:
            return self.cache[index][wanted]
        path = self.videos[index].path
        if self.room > 0:
            whole = read_frames(path)
            self.room -= whole.nbytes
            self.cache[index] = whole
            return whole[wanted]
        distinct, places = np.unique(wanted, return_inverse=True)
        return read_frames(path, distinct.tolist())[places]


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
        runtime: Device, loader processes, cache.

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
    ) -> None:
        training = views is None
        self.device = torch.device(runtime.device)
        self.sampler = EpochBatches(
            len(videos), batch_videos=batch_videos, seed=seed if training else None
        )
        if not len(self.sampler):
            raise ValueError(f"{len(videos)} videos do not fill one batch of {batch_videos}")
        clips = Clips(videos, spec, views=views, seed=seed, cache_mb=runtime.cache_mb)
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
