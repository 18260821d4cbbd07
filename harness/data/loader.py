"""Batches of clips from the videos of a split.

Axes: N videos, V views, U snippets, C colours, T frames, H x W pixels.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, cast

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from harness.data import sampling, transforms
from harness.data.dataset import ClipDataset, ClipRequest, TestExample, cut_views
from harness.data.reading.frame_cache import FrameCache
from harness.data.video import Video
from harness.data.workers import Workers
from harness.runtime import Runtime
from harness.specs import DataSpec, EvalSpec
from harness.utils import distributed

TestChunks = list[list[TestExample]]
CHUNK_VIDEOS = 4  # training videos that a loader process makes at a time


class Batch(NamedTuple):
    """Clips on the device of the run, their labels, and the places of the videos in their list."""

    clips: Float[Tensor, "N V U C T H W"]
    labels: Int64[Tensor, " N"]
    indices: Int64[Tensor, " N"]


def start_workers(spec: DataSpec, *, batch_videos: int, seed: int, runtime: Runtime) -> Workers:
    """Fork the loader processes of a trial; do this before anything touches a GPU.

    Args:
        spec: Snippets and crops.
        batch_videos: Videos in a batch of training; as many are made ahead.
        seed: Seed of the trial.
        runtime: Device, loader processes, and their caches.
    """
    clips = ClipDataset(spec, seed=seed, cache=FrameCache(runtime.cache_mb))
    workers = Workers(clips, runtime, ahead=-(-batch_videos // CHUNK_VIDEOS))
    workers.start()
    return workers


class Loader:
    """Batches of one split, epoch by epoch, on the device of the run.

    In training, videos are shuffled and only whole batches come; in testing all come, in order.

    Args:
        videos: The split.
        workers: Make the clips of all splits.
        views: Views of a test video; None for training.
        batch_videos: Videos in a batch of training; test videos with several views come in smaller
            batches, so that the number of clips is about the same.

    Raises:
        ValueError: If training has fewer videos than one batch, or if the spec asks for a frame
            rate and a video does not say when its frames are shown.
    """

    def __init__(
        self,
        videos: list[Video],
        workers: Workers,
        *,
        views: EvalSpec | None = None,
        batch_videos: int,
    ) -> None:
        if views is None and len(videos) < batch_videos:
            raise ValueError(f"{len(videos)} videos do not fill one batch of {batch_videos}")
        sampling.check_rate(videos, workers.clips.spec.fps)
        self.videos = videos
        self.workers = workers
        self.views = views
        self.batch_videos = batch_videos
        self.device = workers.device

    def __len__(self) -> int:
        """Return the number of batches of training in an epoch."""
        return len(self.videos) // self.batch_videos

    def epoch(self, epoch: int, views: EvalSpec | None = None) -> Iterator[Batch]:
        """Yield the batches of one epoch.

        Args:
            epoch: From 0.
            views: Others than those of the loader, for this once.
        """
        views = views or self.views
        parts = self.workers.parts(
            part for batch in self._keys(epoch, views) for part in _split_batch(batch)
        )
        for batch in self._keys(epoch, views):
            made = list(islice(parts, len(_split_batch(batch))))
            if views is None:
                yield self._trained(cast(list[list[Tensor]], made))
            else:
                yield self._tested(
                    [item for part in cast(TestChunks, made) for item in part], views
                )

    def first(self, views: EvalSpec) -> Batch:
        """Return the views of the first video, made in this process."""
        item = self.workers.clips[ClipRequest(self.videos[0], 0, views=views)]
        assert isinstance(item, TestExample)
        return self._tested([item], views)

    def _keys(self, epoch: int, views: EvalSpec | None) -> Iterator[list[ClipRequest]]:
        """Yield what is in each batch."""
        size, order = self.batch_videos, np.arange(len(self.videos))
        if views is None:
            rng = np.random.default_rng((self.workers.clips.seed, epoch))
            order = rng.permutation(len(order))[: len(self) * size]
        else:
            size = max(size // (views.num_passes * views.num_crops), 1)
            order = order[distributed.rank() :: distributed.world_size()]
        for start in range(0, len(order), size):
            whole = order[start : start + size].tolist()
            yield [
                ClipRequest(self.videos[index], index, epoch, views)
                for index in (distributed.shard(whole) if views is None else whole)
            ]

    def _trained(self, parts: list[list[Tensor]]) -> Batch:
        """Join clips, labels and places of parts; clips where they are needed."""
        clips, labels, places = zip(*parts, strict=True)
        moved = torch.cat([each.to(self.device, non_blocking=True) for each in clips])
        known = torch.cat(labels).to(self.device, non_blocking=True)
        return Batch(_to_float(moved), known, torch.cat(places))

    def _tested(self, items: list[TestExample], views: EvalSpec) -> Batch:
        """Move each frame once; cut crops and deal out snippets on the device."""
        moved = [item.frames.to(self.device, non_blocking=True) for item in items]
        clips = [
            cut_views(frames, item.snippets, views)
            for frames, item in zip(moved, items, strict=True)
        ]
        labels, indices = (
            torch.tensor([getattr(item, name) for item in items]) for name in ("label", "place")
        )
        return Batch(_to_float(torch.stack(clips)), labels.to(self.device), indices)


def _split_batch(batch: list[ClipRequest]) -> list[list[ClipRequest]]:
    """Cut a batch into parts; one test video is already much."""
    size = CHUNK_VIDEOS if batch[0].views is None else 1
    return [batch[first : first + size] for first in range(0, len(batch), size)]


def _to_float(clips: UInt8[Tensor, "N V U T H W C"]) -> Float[Tensor, "N V U C T H W"]:
    views = rearrange(clips, "n v u t h w c -> (n v) u t h w c")
    return rearrange(transforms.normalise(views), "(n v) u c t h w -> n v u c t h w", n=len(clips))
