"""Static mix of snippets: DSA with one learned kernel per channel, the same for all videos.

The control of what is dynamic in DSA: whatever a fixed kernel learns needs no generated one.
Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps.
Source: ours.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.partial_mix import PartialMix


class StaticMix(PartialMix):
    """A mix of the snippets of each video, with kernels that are parameters.

    As in DSA, the taps of a kernel sum to one. They start nearly equal.

    Args:
        channels: C.
        num_snippets: U.
        beta: Share of the channels that are mixed.
        kernel_size: L, odd.
        identity: Add the input to the channels that are mixed.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_snippets: int,
        beta: float = 1.0,
        kernel_size: int = 3,
        identity: bool = False,
    ) -> None:
        super().__init__(
            channels,
            num_snippets=num_snippets,
            beta=beta,
            kernel_size=kernel_size,
            identity=identity,
        )
        self.weight = nn.Parameter(0.1 * torch.randn(self.num_mixed, kernel_size))

    def taps(self, mixed: Float[Tensor, "N U C T H W"]) -> Float[Tensor, "N C L"]:
        taps: Tensor = self.weight.softmax(dim=1)
        return taps.expand(len(mixed), -1, -1)
