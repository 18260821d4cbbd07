"""Dynamic segment aggregation (DSA): each video and channel mixes its snippets with its own kernel.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps.
Source: Wu et al. 2021, arXiv 2105.12085, section 3.
"""

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor

from harness.zoo.layers.dynamic import kernel_generator
from harness.zoo.layers.partial_mix import PartialMix


class DSA(PartialMix):
    """A mix of the snippets of each video, with kernels generated from the video itself.

    The mixed channels are averaged over T, H, W; a small network shared by all channels turns each
    row of U means into L taps that sum to one.

    Args:
        channels: C.
        num_snippets: U. The generator is built for it.
        alpha: Width of the generator in multiples of U.
        beta: Share of the channels that are mixed.
        kernel_size: L, odd.
        identity: Add the input to the channels that are mixed.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_snippets: int,
        alpha: int = 2,
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
        self.generator = kernel_generator(num_snippets, alpha=alpha, taps=kernel_size)

    def taps(self, mixed: Float[Tensor, "N U C T H W"]) -> Float[Tensor, "N C L"]:
        means = reduce(mixed, "n u c t h w -> (n c) u", "mean")
        taps: Tensor = self.generator(means)
        return rearrange(taps, "(n c) l -> n c l", c=self.num_mixed)
