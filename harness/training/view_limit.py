"""A limit on the views that are scored at a time, from the indices of kernels and from memory.

Several kernels for GPUs index a tensor by 32-bit numbers: on a larger one they are slow, or fail.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

MAX_ELEMENTS = 2**31 - 1


@dataclass(kw_only=True)
class ViewLimit:
    """The most views to score at a time; it is lowered where memory does not suffice."""

    views: int


def limit_views(net: nn.Module, view: Float[Tensor, "1 U C T H W"]) -> ViewLimit:
    """Return as many views as keep every tensor of a forward pass below `MAX_ELEMENTS`.

    Args:
        net: On the meta device, which runs nothing; left in evaluation mode.
        view: One view, on the meta device.
    """
    with torch.inference_mode(), _LargestTensor() as largest:
        net.eval()(view)
    return ViewLimit(views=max(MAX_ELEMENTS // max(largest.elements, view.numel()), 1))


class _LargestTensor(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The number of elements of the largest tensor that an operation returned."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elements = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self.elements = max(self.elements, *sizes, 0)
        return result
