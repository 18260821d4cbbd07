"""Gates of channels, computed from their means (squeeze-and-excitation).

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Hu et al. 2018, arXiv 1709.01507, section 3; with pooling over time as well.
"""

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn


class ChannelGate(nn.Module):
    """A scaling of the channels of each snippet by gates between zero and one, from its means.

    Args:
        channels: C.
        width: Channels of the hidden layer.
    """

    def __init__(self, channels: int, *, width: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(channels, width), nn.ReLU(), nn.Linear(width, channels))

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        gates: Tensor = self.gate(reduce(x, "nu c t h w -> nu c", "mean")).sigmoid()
        return x * rearrange(gates, "nu c -> nu c 1 1 1")


def sixteenth(channels: int) -> int:
    """Return a sixteenth of the channels, rounded to a multiple of 8 that is at least 8.

    It is rounded up where the nearest multiple is more than a tenth too small.
    """
    rounded = max((channels + 64) // 128 * 8, 8)
    return rounded + 8 if 160 * rounded < 9 * channels else rounded
