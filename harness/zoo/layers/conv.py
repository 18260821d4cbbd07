"""3D convolutions, run as 2D ones if the kernel allows it.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means both folded.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

Kernel = tuple[int, int, int]


class Conv(nn.Module):
    """A bias-free 3D convolution, run as a 2D one if its kernel allows it.

    A 1 x k x k kernel sees frames as a batch, a k x 1 x 1 kernel sees (T, H W) as a plane; both
    are views in channels-last memory. Padding keeps the size (zeros); time is never strided.

    Args:
        channels: Input channels.
        width: Output channels.
        kernel: Extent in time, height and width.
        stride: Stride in height and width.
        groups: Groups of channels; as many as there are channels convolve each one alone.
    """

    def __init__(
        self, channels: int, width: int, *, kernel: Kernel, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, channels // groups, *kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.stride = stride
        self.groups = groups

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU D T h w"]:
        time, height, width = self.weight.shape[2:]
        pad = (time // 2, height // 2, width // 2)
        if time == 1:
            weight = self.weight.squeeze(2)
            y = F.conv2d(
                fold_time(x), weight, stride=self.stride, padding=pad[1:], groups=self.groups
            )
            return unfold_time(y, frames=x.shape[2])
        if (height, width, self.stride) == (1, 1, 1):
            plane = rearrange(x, "nu c t h w -> nu c t (h w)")
            y = F.conv2d(plane, self.weight.squeeze(4), padding=pad[:2], groups=self.groups)
            return rearrange(y, "nu d t (h w) -> nu d t h w", h=x.shape[3])
        stride = (1, self.stride, self.stride)
        return F.conv3d(x, self.weight, stride=stride, padding=pad, groups=self.groups)


def fold_time(x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NUT C H W"]:
    """View frames as a batch of pictures."""
    return rearrange(x, "nu c t h w -> (nu t) c h w")


def unfold_time(x: Float[Tensor, "NUT C H W"], *, frames: int) -> Float[Tensor, "NU C T H W"]:
    """Undo `fold_time`."""
    return rearrange(x, "(nu t) c h w -> nu c t h w", t=frames)


def conv_bn(channels: int, width: int, *, kernel: Kernel, stride: int = 1) -> nn.Sequential:
    """Build a convolution and its batch norm."""
    conv = Conv(channels, width, kernel=kernel, stride=stride)
    return nn.Sequential(conv, nn.BatchNorm3d(width))
