"""V4D: a convolution over snippets, time and space, added to its input.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded, the U
snippets of a video next to each other.
Source: Zhang et al. 2020, arXiv 2002.07442, section 3. The paper draws batch norm and ReLU inside
the branch; its released network has neither, and only that meets the printed costs.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


class V4D(nn.Module):
    """A residual bias-free 4D convolution over the snippets of a video, zero-padded.

    It runs on any number of snippets; `num_snippets` only bounds the kernel.

    Args:
        channels: C.
        num_snippets: U in training.
        kernel: Extent in U, T, H and W, each odd.
        norm: Add batch norm and ReLU after the convolution, as in the paper's figure.

    Raises:
        ValueError: If the kernel is not four odd numbers, or wider than 2 U - 1 in U.
    """

    mixes_snippets = True

    def __init__(
        self,
        channels: int,
        *,
        num_snippets: int,
        kernel: Sequence[int] = (3, 3, 1, 1),
        norm: bool = False,
    ) -> None:
        super().__init__()
        if len(kernel) != 4 or any(extent % 2 == 0 for extent in kernel):
            raise ValueError(f"kernel={kernel} is not four odd extents, in U, T, H and W")
        if kernel[0] > 2 * num_snippets - 1:
            raise ValueError(
                f"kernel={kernel} is too wide in U; "
                f"it must be at most {2 * num_snippets - 1} for U = {num_snippets}"
            )
        self.weight = nn.Parameter(torch.empty(channels, channels, *kernel))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.norm: nn.Module = nn.Identity()
        if norm:
            self.norm = nn.Sequential(nn.BatchNorm3d(channels), nn.ReLU(inplace=True))

    def forward(
        self, x: Float[Tensor, "NU C T H W"], num_snippets: int
    ) -> Float[Tensor, "NU C T H W"]:
        flat = tuple(self.weight.shape[4:]) == (1, 1)
        convolve = conv4d_flat if flat else conv4d_by_taps
        branch: Tensor = self.norm(convolve(x, self.weight, num_snippets=num_snippets))
        return x + branch


def conv4d_flat(
    x: Float[Tensor, "NU C T H W"], weight: Float[Tensor, "D C u t 1 1"], *, num_snippets: int
) -> Float[Tensor, "NU D T H W"]:
    """Convolve with a kernel of one pixel: one 3D convolution over (U, T, H W)."""
    volume = rearrange(x, "(n u) c t h w -> n c u t (h w)", u=num_snippets)
    padding = (weight.shape[2] // 2, weight.shape[3] // 2, 0)
    y = F.conv3d(volume, weight.squeeze(5), padding=padding)
    return rearrange(y, "n d u t (h w) -> (n u) d t h w", h=x.shape[3])


def conv4d_by_taps(
    x: Float[Tensor, "NU C T H W"], weight: Float[Tensor, "D C u t h w"], *, num_snippets: int
) -> Float[Tensor, "NU D T H W"]:
    """Convolve with any kernel: sum, over its taps in U, 3D convolutions of shifted units."""
    taps = weight.shape[2]
    padding = tuple(extent // 2 for extent in weight.shape[3:])
    units = rearrange(x, "(n u) c t h w -> n c t h w u", u=num_snippets)
    padded = rearrange(F.pad(units, (taps // 2, taps // 2)), "n c t h w u -> n u c t h w")
    terms = [
        F.conv3d(
            rearrange(padded[:, tap : tap + num_snippets], "n u c t h w -> (n u) c t h w"),
            weight[:, :, tap],
            padding=padding,
        )
        for tap in range(taps)
    ]
    return torch.stack(terms).sum(0)
