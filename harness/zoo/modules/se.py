"""Squeeze-and-excitation (SE): each snippet weighs its own channels.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Hu et al. 2018, arXiv 1709.01507, section 3; pooling over time as well, as the baseline of
the DSANet paper needs for video.
"""

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn


class SE(nn.Module):
    """Scale the channels of each snippet by gates between zero and one, made from its means.

    Snippets are not compared: a consensus network with SE stays an average over snippets.

    Args:
        channels: C.
        num_snippets: U, which every module is given; SE does not depend on it.
        reduction: The two layers of the gate meet at C / reduction channels, at least one.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_snippets: int,  # noqa: ARG002
        reduction: int = 16,
    ) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        self.gate = nn.Sequential(nn.Linear(channels, width), nn.ReLU(), nn.Linear(width, channels))

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        gates: Tensor = self.gate(reduce(x, "nu c t h w -> nu c", "mean")).sigmoid()
        return x * rearrange(gates, "nu c -> nu c 1 1 1")
