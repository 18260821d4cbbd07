"""Dynamic segment aggregation (DSA): each video and channel mixes its snippets with its own kernel.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps; NU means N and U folded,
the U snippets of a video next to each other.
Source: Wu et al. 2021, arXiv 2105.12085, section 3.
"""

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.dynamic import SnippetMix, kernel_generator


class DSA(nn.Module):
    """A mix of the snippets of each video, with kernels generated from the video itself.

    The first beta x C channels are averaged over T, H, W; a small network shared by all channels
    turns each row of U means into L taps that sum to one; the rest of the channels pass untouched.

    Args:
        channels: C.
        num_snippets: U. The generator is built for it: a pass with another U is refused.
        alpha: Width of the generator in multiples of U.
        beta: Share of the channels that are mixed.
        kernel_size: L, odd.
        identity: Add the input to the channels that are mixed.

    Raises:
        ValueError: If no channel would be mixed, or the kernel is even or wider than 2 U - 1.
    """

    mixes_snippets = True

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
        super().__init__()
        if not 1 <= int(beta * channels) <= channels:
            raise ValueError(
                f"beta={beta} mixes {int(beta * channels)} of {channels} channels; "
                f"it must be from 1/{channels} to 1"
            )
        if kernel_size % 2 == 0 or kernel_size > 2 * num_snippets - 1:
            allowed = f"odd and at most {2 * num_snippets - 1} for U = {num_snippets}"
            raise ValueError(f"kernel_size={kernel_size} is not allowed; it must be {allowed}")
        self.num_mixed = int(beta * channels)
        self.num_snippets = num_snippets
        self.identity = identity
        self.generator = kernel_generator(num_snippets, alpha=alpha, taps=kernel_size)
        self.mix = SnippetMix(num_snippets, kernel_size=kernel_size)

    def forward(
        self, x: Float[Tensor, "NU C T H W"], num_snippets: int
    ) -> Float[Tensor, "NU C T H W"]:
        if num_snippets != self.num_snippets:
            raise ValueError(
                f"{num_snippets} snippets per pass in a DSA module built for "
                f"U = {self.num_snippets}; test with the snippets of training"
            )
        mixed, passed = x[:, : self.num_mixed], x[:, self.num_mixed :]
        mixed = rearrange(mixed, "(n u) c t h w -> n u c t h w", u=self.num_snippets)
        means = reduce(mixed, "n u c t h w -> (n c) u", "mean")
        taps = rearrange(self.generator(means), "(n c) l -> n c l", c=self.num_mixed)
        y = self.mix(mixed, taps) + mixed if self.identity else self.mix(mixed, taps)
        y = rearrange(y, "n u c t h w -> (n u) c t h w")
        y = y.contiguous(memory_format=torch.channels_last_3d)  # as the trunk keeps its features
        return torch.cat([y, passed], dim=1) if passed.shape[1] else y
