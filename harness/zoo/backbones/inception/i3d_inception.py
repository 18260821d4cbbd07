"""The first I3D: Inception-v1 with every kernel inflated to three dimensions, with consensus.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means both folded.
Source: Carreira and Zisserman 2017, arXiv 1705.07750, section 2.4 and figure 3. Padding is that of
TensorFlow, and the head that of github.com/piergiaj/pytorch-i3d, whose counts it meets.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.layers.conv import Conv, Kernel
from harness.zoo.layers.head import classifier
from harness.zoo.layers.snippets import average_snippets, fold_snippets

FULL_WIDTH = 64  # channels of the stem
# Output channels of the branches of each block: 1x1x1; reduced and 3x3x3; again; behind the pool.
EARLY = ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64))
CENTRAL = (
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
)
LATE = ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128))


class InflatedInception(nn.Module):
    """Inception-v1 over snippets, with 3D kernels and pooling.

    Args:
        num_classes: K.
        stem_width: Channels of the stem; all others go in proportion.
        stem_stride: Stride of the stem in time, height and width.
        dropout: Probability before the classifier.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        stem_width: int = FULL_WIDTH,
        stem_stride: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        wide = 3 * stem_width
        early, channels = _blocks(EARLY, wide, stem_width)
        central, channels = _blocks(CENTRAL, channels, stem_width)
        late, channels = _blocks(LATE, channels, stem_width)
        self.features = nn.Sequential(
            Stem(stem_width, stride=stem_stride),
            SamePool((1, 3, 3), stride=(1, 2, 2)),
            _unit(stem_width, stem_width, (1, 1, 1)),
            _unit(stem_width, wide, (3, 3, 3)),
            SamePool((1, 3, 3), stride=(1, 2, 2)),
            *early,
            SamePool((3, 3, 3), stride=(2, 2, 2)),
            *central,
            SamePool((2, 2, 2), stride=(2, 2, 2)),
            *late,
        )
        self.dropout = nn.Dropout(dropout)
        self.fc = classifier(channels, num_classes)

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        steps = reduce(self.features(fold_snippets(x)), "nu c t h w -> nu t c", "mean")
        if steps.shape[1] > 1:  # the head pools two steps and slides by one
            steps = (steps[:, 1:] + steps[:, :-1]) / 2
        return average_snippets(self.fc(self.dropout(steps)).mean(dim=1), x.shape[1])


class InceptionBlock(nn.Module):
    """Four branches side by side, the last behind a pooling of 3x3x3.

    Args:
        channels: Input channels.
        widths: Channels of the branches, as in `EARLY`.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        one, reduced, three, reduced_again, second, pooled = widths
        self.branches = nn.ModuleList(
            [
                _unit(channels, one, (1, 1, 1)),
                nn.Sequential(
                    _unit(channels, reduced, (1, 1, 1)), _unit(reduced, three, (3, 3, 3))
                ),
                nn.Sequential(
                    _unit(channels, reduced_again, (1, 1, 1)),
                    _unit(reduced_again, second, (3, 3, 3)),
                ),
                nn.Sequential(
                    nn.MaxPool3d(3, stride=1, padding=1), _unit(channels, pooled, (1, 1, 1))
                ),
            ]
        )

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU D T H W"]:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Stem(nn.Module):
    """A convolution of 7x7x7 with batch norm and ReLU.

    Args:
        width: Output channels.
        stride: In time, height and width.
    """

    def __init__(self, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, width, 7, stride=stride, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        self.norm = nn.BatchNorm3d(width, eps=1e-3)

    def forward(self, x: Float[Tensor, "NU 3 T H W"]) -> Float[Tensor, "NU C t h w"]:
        stride = self.conv.stride[0]
        padded = pad_same(x, kernel=(7, 7, 7), stride=(stride, stride, stride))
        return F.relu(self.norm(self.conv(padded)), inplace=True)


class SamePool(nn.Module):
    """A maximum over windows that cover every input once it is padded, as in TensorFlow.

    Args:
        kernel: Extent in time, height and width.
        stride: In time, height and width.
    """

    def __init__(self, kernel: Kernel, *, stride: Kernel) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C t h w"]:
        padded = pad_same(x, kernel=self.kernel, stride=self.stride)
        return F.max_pool3d(padded, self.kernel, stride=self.stride)


def pad_same(
    x: Float[Tensor, "NU C T H W"], *, kernel: Kernel, stride: Kernel
) -> Float[Tensor, "NU C t h w"]:
    """Pad with zeros until a window of stride s gives 1 / s of the size, rounded up.

    Of an odd number of zeros, the larger half is at the end.
    """
    padding: list[int] = []
    for size, window, step in zip(x.shape[2:], kernel, stride, strict=True):
        total = max((size - 1) // step * step + window - size, 0)
        padding = [total // 2, total - total // 2, *padding]
    return F.pad(x, padding)


def _unit(channels: int, width: int, kernel: Kernel) -> nn.Sequential:
    conv = Conv(channels, width, kernel=kernel)
    return nn.Sequential(conv, nn.BatchNorm3d(width, eps=1e-3), nn.ReLU(inplace=True))


def _blocks(
    stage: Sequence[Sequence[int]], channels: int, stem_width: int
) -> tuple[list[InceptionBlock], int]:
    """Build the blocks of a stage, narrowed as the stem is; return their output channels too."""
    blocks = []
    for full in stage:
        widths = [max(width * stem_width // FULL_WIDTH, 1) for width in full]
        blocks.append(InceptionBlock(channels, widths))
        one, _, three, _, second, pooled = widths
        channels = one + three + second + pooled
    return blocks, channels
