"""Memory of one pass of a network, estimated without running it."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Measured: a traced pass grows a process by at most this many times the tensors that live at once,
# twice the parameters, and as many bytes for the graph and for compiled kernels.
_WORKSPACE, _GRAPH = 3, 500_000_000


class NotEnoughMemoryError(ValueError):
    """Less free memory than a pass needs."""


def check_memory(net: nn.Module, clip: Tensor) -> None:
    """Refuse a pass over a real clip that would need more memory than is free.

    Args:
        net: On the meta device.
        clip: On the meta device.

    Raises:
        NotEnoughMemoryError: With both amounts, and what to do.
    """
    parameters = sum(p.numel() * p.element_size() for p in net.parameters())
    needed = _GRAPH + 2 * parameters + _WORKSPACE * peak_bytes(net, clip)
    free = psutil.virtual_memory().available
    if needed > free:
        raise NotEnoughMemoryError(
            f"needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; end "
            "other programs, or run this on a machine with more memory"
        )


def peak_bytes(net: nn.Module, clip: Tensor) -> int:
    """Return the size of the tensors that live at once in a pass, at most, without parameters."""
    alive = _AliveTensors()
    with torch.inference_mode(), alive:
        net.eval()(clip)
    return alive.peak


class _AliveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The size of all tensors that operations make, as long as anything refers to them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self.bytes = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(outputs):
            if isinstance(tensor, Tensor):
                self._add(tensor.untyped_storage())
        return outputs

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._known:
            self._known.add(key)
            self.bytes += size
            self.peak = max(self.peak, self.bytes)
            weakref.finalize(storage, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._known.remove(key)
        self.bytes -= size
