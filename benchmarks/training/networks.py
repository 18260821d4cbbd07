"""The networks that `python -m benchmarks training` compares, and the ways in which it runs them.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.grouped import DSA_I3D_R50, grouped
from experiments.recipes import I3D_R50, with_v4d
from harness.specs import Precision, Trial
from harness.zoo import build as zoo_build
from harness.zoo.layers.dynamic import SnippetMix

MemoryFormat = Literal["as_built", "channels_last_3d"]
NETWORKS = {
    "tsn": I3D_R50,
    "dsa": DSA_I3D_R50,
    "v4d": with_v4d(I3D_R50),
    "grouped": DSA_I3D_R50,
}
# Many steps on one batch might diverge at the recipe's rate; time does not depend on it.
_RATE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A way to run a network.

    Attributes:
        precision: Element type of autocast.
        memory_format: Of the weights; the trunk keeps its features in channels-last memory anyway.
        compiled: Whether `torch.compile` compiles it.
    """

    precision: Precision
    memory_format: MemoryFormat
    compiled: bool

    def __str__(self) -> str:
        return f"{self.precision}, {self.memory_format}, {'compiled' if self.compiled else 'eager'}"


def variants(
    precisions: Sequence[Precision],
    memory_formats: Sequence[MemoryFormat],
    compiled: Sequence[bool],
) -> list[Variant]:
    """List all combinations, in the order of what compiles, precision, memory format."""
    return [
        Variant(precision=precision, memory_format=memory_format, compiled=each)
        for each, precision, memory_format in product(compiled, precisions, memory_formats)
    ]


def shaped(
    name: str, *, num_frames: int, crop_px: int, stem_width: int, precision: Precision
) -> Trial:
    """Return the trial of a network at a size; a batch of it is one chunk of batch norm."""
    trial = NETWORKS[name]
    return replace(
        trial,
        data=replace(trial.data, num_frames=num_frames, crop_px=crop_px),
        model=replace(trial.model, backbone_options={"stem_width": stem_width}),
        train=replace(trial.train, norm_videos=None, lr=_RATE, precision=precision),
    )


def build(name: str, trial: Trial, variant: Variant, device: torch.device) -> nn.Module:
    """Build a network as a variant runs it."""
    torch.manual_seed(trial.seed)
    net = zoo_build.build(trial.model, trial.data).to(device)
    if name == "grouped":
        use_grouped(net)
    if variant.memory_format == "channels_last_3d":
        net.to(memory_format=torch.channels_last_3d)
    if variant.compiled:
        net.compile()
    return net


class GroupedMix(nn.Module):
    """Mix snippets as the released code does: a convolution with N x C groups."""

    def forward(
        self, x: Float[Tensor, "N U C T H W"], taps: Float[Tensor, "N C L"]
    ) -> Float[Tensor, "N U C T H W"]:
        return grouped(x, taps)


def use_grouped(net: nn.Module) -> None:
    """Put the grouped convolution in place of every `SnippetMix` of a network."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, SnippetMix):
                setattr(module, name, GroupedMix())
