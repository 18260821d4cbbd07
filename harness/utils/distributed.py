"""Ranks: the processes that share a trial, one for each device.

Each rank takes an equal, contiguous part of every batch, so that batch norm sees the same chunks as
in one process: a part holds whole chunks, or several consecutive ranks share one. A single process
is rank 0 of 1, and these functions change nothing for it.
"""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
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


def check_batch(batch_videos: int, norm_videos: int | None, *, ranks: int) -> None:
    """Refuse a batch that ranks cannot share.

    Raises:
        ValueError: If the parts are unequal, or do not fit the chunks of batch norm.
    """
    if batch_videos % ranks:
        raise ValueError(f"batch_videos={batch_videos} is not a multiple of the {ranks} ranks")
    part, chunk = batch_videos // ranks, norm_videos or batch_videos
    if part % chunk and chunk % part:
        raise ValueError(
            f"{part} videos a rank ({batch_videos} videos on {ranks} ranks) are neither a multiple "
            f"nor a divisor of norm_videos={chunk}"
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
    """Return the values of all ranks, rank by rank.

    Whatever reaches the socket of a rank is read as tensors, numbers, text and containers of them,
    and never as a pickle that could run code.
    """
    if world_size() == 1:
        return values
    buffer = io.BytesIO()
    torch.save(values, buffer)
    content = torch.frombuffer(buffer.getbuffer(), dtype=torch.uint8)
    return [
        value
        for part in _gather_bytes(content)
        for value in torch.load(io.BytesIO(part), map_location="cpu", weights_only=True)
    ]


def _gather_bytes(content: Tensor) -> list[bytes]:
    """Return the bytes of all ranks, which differ in number."""
    on_gpu = dist.get_backend() == "nccl"
    device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")
    sizes = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(world_size())]
    dist.all_gather(sizes, torch.tensor([len(content)], device=device))
    lengths = [int(size) for size in sizes]
    padded = torch.zeros(max(lengths), dtype=torch.uint8, device=device)
    padded[: len(content)] = content.to(device)
    parts = [torch.empty_like(padded) for _ in lengths]
    dist.all_gather(parts, padded)
    return [
        part[:length].cpu().numpy().tobytes() for part, length in zip(parts, lengths, strict=True)
    ]


def choose_by_first(value: T) -> T:
    """Return the value of rank 0, on every rank."""
    return gather([value])[0]


def data_parallel(net: nn.Module) -> nn.Module:
    """Wrap a network for training, so that gradients are averaged over ranks."""
    if world_size() == 1:
        return net
    # Running averages are averaged after an epoch: `sync_batch_norm.average_running_stats`.
    return DistributedDataParallel(net, broadcast_buffers=False)


def no_sync(net: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """Return a context in which ranks keep their gradients until the last chunk of a batch."""
    if isinstance(net, DistributedDataParallel) and not last:
        context: AbstractContextManager[None] = net.no_sync()
        return context
    return nullcontext()


def barrier() -> None:
    """Wait until all ranks arrive."""
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
    """Return the consecutive ranks that share a batch norm chunk with this one; None if none does.

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
