"""TANet: 2D residual networks with temporal adaptive modules (TAM).

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means N and U folded.
Source: Liu et al. 2021, arXiv 2005.06803, section 3; checked against
github.com/liu-zhy/temporal-adaptive-module, commit 5fcb46f.
"""

from collections.abc import Sequence
from functools import partial

import torch
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.backbones.residual.resnet import ResNet
from harness.zoo.layers.dynamic import SnippetMix, kernel_generator
from harness.zoo.layers.insert import every_block, insert


class TAM(nn.Module):
    """A mix of the frames of each snippet, with kernels and gates from the snippet itself.

    Gates between zero and one, of every channel and frame, come from a small temporal network (the
    local branch). Kernels over time, of every channel, come from the generator of DSA (the global
    branch), which sees the means of T frames here. Snippets are not mixed.

    Args:
        channels: C.
        num_frames: T. The generator is built for it: a pass with another T is refused.
    """

    def __init__(self, channels: int, *, num_frames: int) -> None:
        super().__init__()
        self.num_frames = num_frames
        width = max(channels // 4, 1)
        self.generator = kernel_generator(num_frames, alpha=2, taps=3)
        self.gate = nn.Sequential(
            nn.Conv1d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, channels, 1, bias=False),
            nn.Sigmoid(),
        )
        self.mix = SnippetMix(num_frames, kernel_size=3)

    def forward(self, x: Float[Tensor, "NU C T H W"]) -> Float[Tensor, "NU C T H W"]:
        if x.shape[2] != self.num_frames:
            raise ValueError(
                f"{x.shape[2]} frames per snippet in a TAM built for T = {self.num_frames}; "
                "set num_frames of the backbone to those of the data"
            )
        means = reduce(x, "nu c t h w -> nu c t", "mean")
        rows = rearrange(means, "nu c t -> (nu c) t")
        taps = rearrange(self.generator(rows), "(nu c) l -> nu c l", c=x.shape[1])
        gated = x * rearrange(self.gate(means), "nu c t -> nu c t 1 1")
        y: Tensor = self.mix(rearrange(gated, "nu c t h w -> nu t c 1 h w"), taps)
        y = rearrange(y, "nu t c 1 h w -> nu c t h w")
        return y.contiguous(memory_format=torch.channels_last_3d)  # as the trunk keeps its features


def tanet_resnet(
    *,
    num_classes: int,
    depths: Sequence[int],
    stem_width: int = 64,
    dropout: float = 0.5,
    num_frames: int = 8,
) -> ResNet:
    """Build a 2D bottleneck network with a TAM after conv1 of every block.

    Logits of frames are averaged, as in the original.

    Args:
        num_classes: K.
        depths: Blocks in res2 to res5.
        stem_width: Channels of the stem.
        dropout: Probability before the classifier.
        num_frames: T, the frames of a snippet.
    """
    net = ResNet(
        num_classes=num_classes,
        block="bottleneck",
        depths=depths,
        stem_width=stem_width,
        dropout=dropout,
        frame_logits=True,
        fc_std=0.001,
    )
    make_module = partial(TAM, num_frames=num_frames)
    insert(net, make_module, position="after_conv1", blocks=every_block(net))
    return net


tanet_resnet50 = partial(tanet_resnet, depths=(3, 4, 6, 3))
tanet_resnet101 = partial(tanet_resnet, depths=(3, 4, 23, 3))
tanet_resnet152 = partial(tanet_resnet, depths=(3, 8, 36, 3))
