"""Dynamic segment aggregation (DSA): each video and channel mixes its snippets with its own kernel.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps; NU means N and U folded,
the U snippets of a video next to each other.
Source: Wu et al. 2021, arXiv 2105.12085, section 3.
"""

import torch
from einops import einsum, rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn


class SnippetMix(nn.Module):
    """A correlation of the snippet axis with one kernel per video and channel, zero-padded.

    It runs as a product with a banded U x U matrix: the operation is bound by memory, and this form
    is several times faster than a convolution with N x C groups.

    Args:
        num_snippets: U.
        kernel_size: L, odd, at most 2 U - 1.
    """

    shifts: Float[Tensor, "L U U"]

    def __init__(self, num_snippets: int, *, kernel_size: int) -> None:
        super().__init__()
        half = kernel_size // 2
        diagonals = [torch.ones(num_snippets - abs(k)).diag(k) for k in range(-half, half + 1)]
        self.register_buffer("shifts", torch.stack(diagonals), persistent=False)
        self.kernel_size = kernel_size

    def forward(
        self, x: Float[Tensor, "N U C T H W"], taps: Float[Tensor, "N C L"]
    ) -> Float[Tensor, "N U C T H W"]:
        band = einsum(taps, self.shifts, "n c l, l u v -> n c u v").to(x.dtype)
        return einsum(band, x, "n c u v, n v c t h w -> n u c t h w")

    def macs(self, output: Tensor) -> int:
        """Return the multiply-adds behind `output`, those on the zero padding included."""
        return output.numel() * self.kernel_size


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
        self.generator = nn.Sequential(
            nn.Linear(num_snippets, alpha * num_snippets, bias=False),
            nn.BatchNorm1d(alpha * num_snippets),
            nn.ReLU(),
            nn.Linear(alpha * num_snippets, kernel_size, bias=False),
            nn.Softmax(dim=1),
        )
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
