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
    are views in channels-last memory. Padding keeps the size (zeros).

    Args:
        channels: Input channels.
        width: Output channels.
        kernel: Extent in time, height and width.
        stride: Stride in height and width.
        time_stride: Stride in time.
        groups: Groups of channels; as many as channels for a depthwise convolution.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        *,
        kernel: Kernel,
        stride: int = 1,
        time_stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, channels // groups, *kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.stride = stride
        self.time_stride = time_stride
        self.groups = groups

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU D t h w"]:
        time, height, width = self.weight.shape[2:]
        pad = (time // 2, height // 2, width // 2)
        strides = (self.time_stride, self.stride, self.stride)
        if (time, self.time_stride) == (1, 1):
            weight = self.weight.squeeze(2)
            y = F.conv2d(fold_time(x), weight, None, self.stride, pad[1:], groups=self.groups)
            return unfold_time(y, frames=x.shape[2])
        if (height, width, self.stride) == (1, 1, 1):
            plane = rearrange(x, "nu c t h w -> nu c t (h w)")
            weight = self.weight.squeeze(4)
            y = F.conv2d(plane, weight, None, strides[:2], pad[:2], groups=self.groups)
            return rearrange(y, "nu d t (h w) -> nu d t h w", h=x.shape[3])
        return F.conv3d(x, self.weight, None, strides, pad, groups=self.groups)


def fold_time(x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NUT C H W"]:
    """View frames as a batch of pictures."""
    return rearrange(x, "nu c t h w -> (nu t) c h w")


def unfold_time(x: Float[Tensor, "NUT C H W"], *, frames: int) -> Float[Tensor, "NU C T H W"]:
    """Undo `fold_time`."""
    return rearrange(x, "(nu t) c h w -> nu c t h w", t=frames)


def conv_bn(
    channels: int,
    width: int,
    *,
    kernel: Kernel,
    stride: int = 1,
    time_stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Build a convolution and its batch norm."""
    conv = Conv(
        channels, width, kernel=kernel, stride=stride, time_stride=time_stride, groups=groups
    )
    return nn.Sequential(conv, nn.BatchNorm3d(width))


def start_at_zero(layers: nn.Sequential) -> nn.Sequential:
    """Set the scale of the batch norm behind a convolution to zero, and return both.

    A residual block that ends so is its shortcut before training.
    """
    norm = layers[-1]
    assert isinstance(norm, nn.BatchNorm3d)
    nn.init.zeros_(norm.weight)
    return layers
