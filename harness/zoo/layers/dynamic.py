"""Kernels generated from the input, one per video and channel, and the mix that applies them.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps. DSA mixes snippets; TAM
mixes the frames of a snippet, which stand in the place of U.
Source: Wu et al. 2021, arXiv 2105.12085, section 3; Liu et al. 2021, arXiv 2005.06803, section 3
(the global branch).
"""

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor, nn


def kernel_generator(length: int, *, alpha: int, taps: int) -> nn.Sequential:
    """Build a network from rows of `length` means to rows of taps that sum to one.

    Args:
        length: Means in a row, of snippets or of frames.
        alpha: Width of the hidden layer in multiples of the length.
        taps: L.
    """
    return nn.Sequential(
        nn.Linear(length, alpha * length, bias=False),
        nn.BatchNorm1d(alpha * length),
        nn.ReLU(),
        nn.Linear(alpha * length, taps, bias=False),
        nn.Softmax(dim=1),
    )


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
