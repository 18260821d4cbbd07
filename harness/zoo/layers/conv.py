"""3D convolutions, run as 2D ones if the kernel allows it.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means both folded.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

Kernel = tuple[int, int, int]
# Backward through a strided 1 x 1 convolution of fewer channels, oneDNN (PyTorch 2.15, limited to
# AVX2) writes past the end of a buffer in channels-last memory, which ends the process.
_SAFE_CHANNELS = 8


class Conv(nn.Module):
    """A bias-free 3D convolution, run as a 2D one if its kernel allows it.

    A 1 x k x k kernel sees frames as a batch, a k x 1 x 1 kernel sees (T, H W) as a plane; both
    are views in channels-last memory. Padding keeps the size (zeros). Of a kernel on pictures of
    one pixel only the middle counts: what is left is a convolution in time, or a matrix product.

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
        weight: Tensor = self.weight
        stride = self.stride
        if x.shape[3:] == (1, 1):
            weight, stride = _middle(weight), 1
        time, height, width = weight.shape[2:]
        pad = (time // 2, height // 2, width // 2)
        if weight.shape[2:] == (1, 1, 1) and stride > 1 and x.shape[1] < _SAFE_CHANNELS:
            x, stride = x[..., ::stride, ::stride], 1
        if (time, self.time_stride) == (1, 1):
            if x.shape[3:] == (1, 1) and self.groups == 1:
                return _multiply_pixels(x, weight)
            y = F.conv2d(fold_time(x), weight.squeeze(2), None, stride, pad[1:], groups=self.groups)
            return unfold_time(y, frames=x.shape[2])
        strides = (self.time_stride, stride, stride)
        if (height, width, stride) == (1, 1, 1):
            plane = rearrange(x, "nu c t h w -> nu c t (h w)")
            y = F.conv2d(plane, weight.squeeze(4), None, strides[:2], pad[:2], groups=self.groups)
            return rearrange(y, "nu d t (h w) -> nu d t h w", h=x.shape[3])
        return F.conv3d(x, weight, None, strides, pad, groups=self.groups)

    def macs(self, output: Tensor) -> int:
        """Return the multiply-adds of the whole kernel, as if padding were multiplied too."""
        return output.numel() * self.weight[0].numel()


def _middle(weight: Float[Tensor, "D C t h w"]) -> Float[Tensor, "D C t 1 1"]:
    """Return the part of a kernel that a single pixel, padded to its extent, is multiplied by."""
    y, x = (extent // 2 for extent in weight.shape[3:])
    return weight[..., y : y + 1, x : x + 1]


def _multiply_pixels(
    x: Float[Tensor, "NU C T 1 1"], weight: Float[Tensor, "D C 1 1 1"]
) -> Float[Tensor, "NU D T 1 1"]:
    """Multiply the single pixel of each frame, in channels-last memory."""
    y = F.linear(x.flatten(2).mT, weight.flatten(1))
    return rearrange(y, "nu t d -> nu d t 1 1")


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
