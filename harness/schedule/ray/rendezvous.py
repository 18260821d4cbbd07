"""The meeting place of ranks across nodes: a port on the cluster's network, told through Ray.

Ray Train would open it on every interface. Without Ray's token nobody learns its number; values in
it are bytes that are never unpickled. What ranks then send each other is neither encrypted nor
authenticated, by gloo and NCCL alike: the network must be private.
"""

import os
import socket
from contextlib import closing
from datetime import timedelta
from typing import Any

import psutil
import ray
import torch.distributed as dist
from ray import train
from ray.train import collective
from ray.train.torch import TorchConfig

_GROUP_TIMEOUT = timedelta(minutes=30)
_INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


class OwnGroupConfig(TorchConfig):
    """Ray Train's set-up of PyTorch without a process group, which ranks make by `join_group`."""

    @property
    def backend_cls(self) -> Any:
        """Return the class that sets up workers."""
        return _OwnGroupBackend


class _OwnGroupBackend(TorchConfig().backend_cls):  # type: ignore[misc]
    def on_start(self, *_: object) -> None:
        """Leave the process group to the ranks."""


def join_group(backend: str) -> None:
    """Join the process group of a trial's ranks, in a worker of Ray Train.

    Args:
        backend: `nccl` or `gloo`.
    """
    context = train.get_context()
    rank, size = context.get_world_rank(), context.get_world_size()
    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    if (name := find_interface(address)) is not None:
        for variable in _INTERFACES:
            os.environ.setdefault(variable, name)
    with closing(socket.socket()) as listener:
        place = None
        if rank == 0:
            listener.bind((address, 0))
            listener.listen(size)
            place = listener.getsockname()
        host, port = collective.broadcast_from_rank_zero(place)
        store = dist.TCPStore(  # type: ignore[attr-defined]
            host,
            port,
            size,
            is_master=rank == 0,
            timeout=_GROUP_TIMEOUT,
            wait_for_workers=False,
            master_listen_fd=listener.detach() if rank == 0 else None,
        )
    dist.init_process_group(
        backend, store=store, rank=rank, world_size=size, timeout=_GROUP_TIMEOUT
    )


def find_interface(address: str) -> str | None:
    """Return the network interface of this machine that has an address; None if none has it."""
    return next(
        (
            name
            for name, addresses in psutil.net_if_addrs().items()
            if any(entry.address == address for entry in addresses)
        ),
        None,
    )
