"""Ranks: the processes that share a trial, one for each device.

Each rank takes an equal, contiguous part of every batch, so the chunks that a batch norm sees are
those of one process: a part holds whole chunks, or several ranks in a row share one. A process on
its own is rank 0 of 1, and nothing here changes what it does.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Return how many processes share the trial."""
    return dist.get_world_size() if dist.is_initialized() else 1


def check(batch_videos: int, norm_videos: int | None, *, ranks: int) -> None:
    """Refuse a batch that ranks cannot share.

    Raises:
        ValueError: If the parts are not equal, or do not fit the chunks of batch norm.
    """
    if batch_videos % ranks:
        raise ValueError(f"a batch of {batch_videos} videos does not divide among {ranks} ranks")
    part, chunk = batch_videos // ranks, norm_videos or batch_videos
    if part % chunk and chunk % part:
        raise ValueError(
            f"{ranks} ranks take {part} of {batch_videos} videos each, which neither holds batch "
            f"norms of {chunk} videos nor divides them"
        )


def shard(batch: Sequence[T]) -> Sequence[T]:
    """Return this rank's part of a batch."""
    size = len(batch) // world_size()
    return batch[rank() * size : (rank() + 1) * size]


def mean(values: Tensor) -> Tensor:
    """Average numbers over ranks."""
    if world_size() == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total / world_size()


def gather(values: list[T]) -> list[T]:
    """Return the values of all ranks, rank by rank."""
    if world_size() == 1:
        return values
    each: list[list[T]] = [[] for _ in range(world_size())]
    dist.all_gather_object(each, values)
    return [value for values in each for value in values]


def data_parallel(net: nn.Module) -> nn.Module:
    """Return the network as training calls it: gradients are averaged over ranks."""
    if world_size() == 1:
        return net
    # Running averages are averaged after an epoch: `sync_batch_norm.average_running_stats`.
    return DistributedDataParallel(net, broadcast_buffers=False)


def no_sync(net: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """Keep gradients in their rank until the last chunk of a batch."""
    if isinstance(net, DistributedDataParallel) and not last:
        kept: AbstractContextManager[None] = net.no_sync()
        return kept
    return nullcontext()


def barrier() -> None:
    """Wait until all ranks are here."""
    if world_size() > 1:
        dist.barrier()


def average(tensors: Sequence[Tensor]) -> None:
    """Average tensors over ranks, in place."""
    if world_size() == 1:
        return
    for tensor in tensors:
        dist.all_reduce(tensor)
        tensor.div_(world_size())


def norm_group(batch_videos: int, norm_videos: int | None) -> dist.ProcessGroup | None:
    """Return the ranks in a row that share a chunk of batch norm with this one; None for itself.

    Every rank of a trial calls this, at the same time.
    """
    sharing = (norm_videos or batch_videos) * world_size() // batch_videos
    if sharing <= 1:
        return None
    groups = [
        dist.new_group(list(range(first, first + sharing)))
        for first in range(0, world_size(), sharing)
    ]
    group = groups[rank() // sharing]
    assert isinstance(group, dist.ProcessGroup)  # a rank is in its own group
    return group
