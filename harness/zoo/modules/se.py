"""Squeeze-and-excitation (SE): channel gates for each snippet.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Hu et al. 2018, arXiv 1709.01507, section 3; with pooling over time as well, as needed for
the video baseline of the DSANet paper.
"""

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn


class SE(nn.Module):
    """A scaling of the channels of each snippet by gates between zero and one, from its means.

    Snippets are not mixed: the logits of a network with SE are still an average over snippets.

    Args:
        channels: C.
        num_snippets: U, an argument of every module; SE does not depend on it.
        reduction: The hidden layer of the gate has C / reduction channels, at least one.
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
