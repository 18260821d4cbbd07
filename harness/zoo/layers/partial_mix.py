"""The mix of the snippets of each video in some channels, whatever its kernels come from.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps; NU means N and U folded,
the U snippets of a video next to each other.
Source: Wu et al. 2021, arXiv 2105.12085, section 3.
"""

from abc import abstractmethod

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.dynamic import SnippetMix


class PartialMix(nn.Module):
    """A mix of the snippets in the first beta x C channels; the rest pass untouched.

    Args:
        channels: C.
        num_snippets: U. A pass with another U is refused.
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
        self.mix = SnippetMix(num_snippets, kernel_size=kernel_size)

    @abstractmethod
    def taps(self, mixed: Float[Tensor, "N U C T H W"]) -> Float[Tensor, "N C L"]:
        """Return the kernel of each video and mixed channel."""

    def forward(
        self, x: Float[Tensor, "NU C T H W"], num_snippets: int
    ) -> Float[Tensor, "NU C T H W"]:
        if num_snippets != self.num_snippets:
            raise ValueError(
                f"{num_snippets} snippets per pass in a {type(self).__name__} module built for "
                f"U = {self.num_snippets}; test with the snippets of training"
            )
        mixed, passed = x[:, : self.num_mixed], x[:, self.num_mixed :]
        mixed = rearrange(mixed, "(n u) c t h w -> n u c t h w", u=self.num_snippets)
        y = self.mix(mixed, self.taps(mixed))
        y = rearrange(y + mixed if self.identity else y, "n u c t h w -> (n u) c t h w")
        y = y.contiguous(memory_format=torch.channels_last_3d)  # as the trunk keeps its features
        return torch.cat([y, passed], dim=1) if passed.shape[1] else y
