"""The compact generalized non-local block (CGNL): attention over positions and channels together.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, G groups; NU means N and U
folded.
Source: Yue et al. 2018, arXiv 1810.13125, checked against
github.com/KaiyuYue/cgnl-network.pytorch, commit 33e348b, which has pictures only; over frames as
well, as the video rows need, it treats them like pixels.
"""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


class CGNL(nn.Module):
    """A residual attention in groups of channels, linear in positions; snippets are not mixed.

    In a group, the product of all keys with all values is one number, which scales the queries.
    With as many groups, the group norm behind takes out its size and leaves its sign, so keys and
    values hardly get gradients, in the released code as here.

    Args:
        channels: C; half of them inside.
        num_snippets: U, an argument of every module; this one does not depend on it.
        groups: G, of channels.
        gamma: Initial weight of the group norm. At 0 the block starts as the identity; that it
            does so is a guess.

    Raises:
        ValueError: If half of the channels do not fill the groups.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_snippets: int,  # noqa: ARG002
        groups: int = 8,
        gamma: float = 0.0,
    ) -> None:
        super().__init__()
        if channels % (2 * groups):
            raise ValueError(
                f"half of {channels} channels do not fill groups={groups}; "
                f"channels must be a multiple of {2 * groups}"
            )
        self.groups = groups
        self.theta = nn.Conv3d(channels, channels // 2, 1, bias=False)
        self.phi = nn.Conv3d(channels, channels // 2, 1, bias=False)
        self.g = nn.Conv3d(channels, channels // 2, 1, bias=False)
        self.out = nn.Conv3d(channels // 2, channels, 1, groups=groups, bias=False)
        self.norm = nn.GroupNorm(groups, channels)
        nn.init.constant_(self.norm.weight, gamma)

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        queries, keys, values = (
            rearrange(conv(x), "nu (g d) t h w -> nu g 1 (d t h w)", g=self.groups)
            for conv in (self.theta, self.phi, self.g)
        )
        y = rearrange(
            keys @ values.mT @ queries,
            "nu g 1 (d t h w) -> nu (g d) t h w",
            t=x.shape[2],
            h=x.shape[3],
            w=x.shape[4],
        )
        branch: Tensor = self.norm(self.out(y))
        return x + branch
