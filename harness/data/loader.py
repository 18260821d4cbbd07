"""Batches of clips from the videos of a split.

Axes: N videos, V views, U snippets, C colours, T frames, H x W pixels.
"""

from collections.abc import Iterator, Sequence
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
from harness.data.reading.frame_store import FrameStore
from harness.data.reading.packet_file import PacketFile
from harness.data.side_stream import SideStream
from harness.data.video import Video
from harness.data.workers import Chunk, Workers
from harness.runtime import Runtime
from harness.specs import DataSpec, EvalSpec
from harness.utils import distributed

TestChunks = list[list[TestExample]]
CHUNK_VIDEOS = 4  # training videos that a loader process makes at a time


class Batch(NamedTuple):
    """Clips on the device of the run, their labels, and the indices of the videos in their list."""

    clips: Float[Tensor, "N V U C T H W"]
    labels: Int64[Tensor, " N"]
    indices: Int64[Tensor, " N"]


def start_workers(
    spec: DataSpec,
    *,
    batch_videos: int,
    seed: int,
    runtime: Runtime,
    store: FrameStore | None = None,
    index: PacketFile | None = None,
) -> Workers:
    """Start the loader processes of a trial.

    Args:
        spec: Snippets and crops.
        batch_videos: Videos in a batch of training; as many are prefetched.
        seed: Seed of the trial.
        runtime: Device, loader processes, and their caches.
        store: Decoded videos that they share with other trials; None for none.
        index: Packet index of the data set; None for none.
    """
    dataset = ClipDataset(spec, seed=seed, cache=FrameCache(runtime.cache_mb, store, index))
    workers = Workers(dataset, runtime, prefetch_chunks=-(-batch_videos // CHUNK_VIDEOS))
    workers.start()
    return workers


class Loader:
    """Batches of one split, epoch by epoch, on the device of the run.

    Training shuffles the videos and drops the last partial batch; testing yields all, in order.

    Args:
        videos: The split.
        workers: Loader processes, shared by all splits.
        views: Views of a test video; None for training.
        batch_videos: Videos in a batch of training; batches of test videos with several views are
            smaller, so that the number of clips is about the same.

    Raises:
        ValueError: If training has fewer videos than one batch, or if the spec sets a frame rate
            and a video has no presentation times.
    """

    def __init__(
        self,
        videos: Sequence[Video],
        workers: Workers,
        *,
        views: EvalSpec | None = None,
        batch_videos: int,
    ) -> None:
        if views is None and len(videos) < batch_videos:
            raise ValueError(f"{len(videos)} videos are fewer than one batch of {batch_videos}")
        sampling.check_rate(videos, workers.dataset.spec.fps)
        self.videos = videos
        self.workers = workers
        self.views = views
        self.batch_videos = batch_videos
        self.device = workers.device
        self.side_stream = SideStream(self.device)

    def __len__(self) -> int:
        """Return the number of batches of training in an epoch."""
        return len(self.videos) // self.batch_videos

    def epoch(
        self, epoch: int, views: EvalSpec | None = None, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Batch]:
        """Yield the batches of one epoch.

        On a GPU a batch is copied beside what the GPU computes when it is asked for.

        Args:
            epoch: From 0.
            views: Views for this epoch only; None for those of the loader.
            start: Number of batches to leave out.
            stop: Number of batches before the end; None for all.
        """
        views = views or self.views
        chunks = self.workers.chunks(
            chunk
            for batch in islice(self._requests(epoch, views), start, stop)
            for chunk in _split_batch(batch)
        )
        for batch in islice(self._requests(epoch, views), start, stop):
            batch_chunks = list(islice(chunks, len(_split_batch(batch))))
            with self.side_stream.used():
                made = self._batch(batch_chunks, views)
            self.side_stream.hand_over(made)
            yield made

    def _requests(self, epoch: int, views: EvalSpec | None) -> Iterator[list[ClipRequest]]:
        """Yield the requests of each batch."""
        size, order = self.batch_videos, np.arange(len(self.videos))
        if views is None:
            rng = np.random.default_rng((self.workers.dataset.seed, epoch))
            order = rng.permutation(len(order))[: len(self) * size]
        else:
            size = max(size // (views.num_passes * views.num_crops), 1)
            order = order[distributed.rank() :: distributed.world_size()]
        for start in range(0, len(order), size):
            global_batch = order[start : start + size].tolist()
            yield [
                ClipRequest(self.videos[index], index, epoch, views)
                for index in (distributed.shard(global_batch) if views is None else global_batch)
            ]

    def _batch(self, chunks: list[Chunk], views: EvalSpec | None) -> Batch:
        if views is None:
            return self._train_batch(cast(list[list[Tensor]], chunks))
        examples = [example for chunk in cast(TestChunks, chunks) for example in chunk]
        return self._test_batch(examples, views)

    def _train_batch(self, chunks: list[list[Tensor]]) -> Batch:
        """Concatenate the chunks of a batch on the device."""
        clips, labels, indices = zip(*chunks, strict=True)
        device_clips = torch.cat([chunk.to(self.device, non_blocking=True) for chunk in clips])
        label_tensor = torch.cat(labels).to(self.device, non_blocking=True)
        return Batch(_to_float(device_clips), label_tensor, torch.cat(indices))

    def _test_batch(self, examples: list[TestExample], views: EvalSpec) -> Batch:
        """Move each frame once; cut crops and assign snippets on the device."""
        device_clips = [example.frames.to(self.device, non_blocking=True) for example in examples]
        clips = [
            cut_views(frames, example.snippets, views)
            for frames, example in zip(device_clips, examples, strict=True)
        ]
        labels, indices = (
            torch.tensor([getattr(example, name) for example in examples])
            for name in ("label", "video_index")
        )
        device_labels = labels.to(self.device, non_blocking=True)
        return Batch(_to_float(torch.stack(clips)), device_labels, indices)


def _split_batch(batch: list[ClipRequest]) -> list[list[ClipRequest]]:
    """Split a batch into chunks; a test video is a chunk of its own."""
    size = CHUNK_VIDEOS if batch[0].views is None else 1
    return [batch[start : start + size] for start in range(0, len(batch), size)]


def _to_float(clips: UInt8[Tensor, "N V U T H W C"]) -> Float[Tensor, "N V U C T H W"]:
    views = rearrange(clips, "n v u t h w c -> (n v) u t h w c")
    return rearrange(transforms.normalise(views), "(n v) u c t h w -> n v u c t h w", n=len(clips))
