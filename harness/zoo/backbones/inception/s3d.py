"""Separable Inception over clips (S3D), and its form with gates (S3D-G).

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means N and U folded.
Source: Xie et al. 2018, arXiv 1712.04851; blocks of torchvision 0.29, whose network is built for
one width only. The place of the gates is not known from their cost; both choices are offered.
"""

from functools import partial
from typing import Any

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.video.s3d import SepInceptionBlock3D, TemporalSeparableConv
from torchvision.ops.misc import Conv3dNormActivation

from harness.zoo.layers.head import classifier
from harness.zoo.layers.initial import he_normal
from harness.zoo.layers.snippets import average_snippets, fold_snippets

FULL_WIDTH = 64  # channels of the stem
GATES = ("none", "separable", "branches")
# Input channels of a block, then those of its branches: 1x1x1; reduced and 3x3x3; again; pool.
STAGES = (
    ((192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64)),
    (
        (480, 192, 96, 208, 16, 48, 64),
        (512, 160, 112, 224, 24, 64, 64),
        (512, 128, 128, 256, 24, 64, 64),
        (512, 112, 144, 288, 32, 64, 64),
        (528, 256, 160, 320, 32, 128, 128),
    ),
    ((832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128)),
)
# torchvision's momentum of 0.001 needs more steps than a small run has.
NORM = partial(nn.BatchNorm3d, eps=1e-3)


class S3D(nn.Module):
    """Inception over snippets, in which convolutions over space and over time alternate.

    Args:
        num_classes: K.
        gates: `none`, `separable` (behind each separable convolution) or `branches` (behind the
            four branches of each block).
        stem_width: Channels of the stem; all others go in proportion.
        stem_stride: Stride of the stem in time, height and width. Snippets of less than 8 frames
            or 32 pixels need 1.
        dropout: Probability before the classifier.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        gates: str = "none",
        stem_width: int = FULL_WIDTH,
        stem_stride: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if gates not in GATES:
            raise ValueError(f"gates={gates!r} is not a choice; set one of {', '.join(GATES)}")
        self.features = layers(stem_width, stem_stride, gates)
        he_normal(self.features)
        self.dropout = nn.Dropout(dropout)
        self.fc = classifier(scaled(1024, stem_width), num_classes)

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        steps = reduce(self.features(fold_snippets(x)), "nu c t h w -> nu t c", "mean")
        if steps.shape[1] > 1:  # neighbouring steps are averaged, and each pair is classified
            steps = (steps[:, 1:] + steps[:, :-1]) / 2
        return average_snippets(self.fc(self.dropout(steps)).mean(dim=1), x.shape[1])


class Gate(nn.Module):
    """A scaling of channels by gates between zero and one, from their means over the snippet.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        gates: Tensor = self.linear(reduce(x, "nu c t h w -> nu c", "mean")).sigmoid()
        return x * rearrange(gates, "nu c -> nu c 1 1 1")


def layers(stem_width: int, stem_stride: int, gates: str) -> nn.Sequential:
    """Build the layers before the head, in the order of torchvision's."""
    width, wider = stem_width, scaled(192, stem_width)
    start = TemporalSeparableConv(3, width, 7, stem_stride, 3, NORM)
    middle = TemporalSeparableConv(width, wider, 3, 1, 1, NORM)
    if gates == "separable":
        start.append(Gate(width))
        middle.append(Gate(wider))
    early, central, late = (
        [block(tuple(scaled(n, stem_width) for n in widths), gates) for widths in stage]
        for stage in STAGES
    )
    return nn.Sequential(
        start,
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        Conv3dNormActivation(width, width, kernel_size=1, norm_layer=NORM),
        middle,
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        *early,
        nn.MaxPool3d(3, stride=2, padding=1),
        *central,
        nn.MaxPool3d(2, stride=2),
        *late,
    )


def block(widths: tuple[int, ...], gates: str) -> Any:
    """Build a block of four branches, with gates or without."""
    built: Any = SepInceptionBlock3D(*widths, NORM)
    _, one, _, three, _, second, pooled = widths
    if gates == "separable":
        built.branch1[1].append(Gate(three))
        built.branch2[1].append(Gate(second))
    elif gates == "branches":
        branches = (built.branch0, built.branch1, built.branch2, built.branch3)
        for branch, width in zip(branches, (one, three, second, pooled), strict=True):
            branch.append(Gate(width))
    return built


def scaled(channels: int, stem_width: int) -> int:
    """Return channels of the full network in proportion to the stem; at least one."""
    return max(channels * stem_width // FULL_WIDTH, 1)


s3d = partial(S3D, gates="none")
s3d_g = partial(S3D, gates="separable")
