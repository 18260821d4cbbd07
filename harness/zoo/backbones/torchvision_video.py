"""Video networks of torchvision, in any width and depth, for reference rows.

Axes: N clips, C channels, T frames, H x W pixels, L tokens.
Source: torchvision 0.29: R(2+1)D (Tran et al. 2018, arXiv 1711.11248), MViTv2-S (Li et al. 2022,
arXiv 2112.01526), Video Swin (Liu et al. 2022, arXiv 2106.13230).
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.video.mvit import MSBlockConfig, MViT, PositionalEncoding
from torchvision.models.video.resnet import BasicBlock, Conv2Plus1D
from torchvision.models.video.swin_transformer import SwinTransformer3d

from harness.zoo.layers.clips import ClipNetwork
from harness.zoo.layers.conv import Kernel
from harness.zoo.layers.initial import he_normal

FULL_WIDTH = 64  # of the stem of R(2+1)D
_STEM_MIDDLE = 45  # channels between its two convolutions
_SWIN_HEAD = 32  # channels of an attention head, where a stage is that wide
_SWIN_WINDOW = (8, 7, 7)
_MVIT_HEADS = (1, 2, 4, 8)
_MVIT_KEYS = (8, 4, 2, 1)  # strides in space by which a stage pools keys and values


def r2plus1d_18(
    *,
    num_classes: int,
    depths: Sequence[int] = (2, 2, 2, 2),
    stem_width: int = FULL_WIDTH,
    dropout: float = 0.5,
) -> ClipNetwork:
    """Build an R(2+1)D of basic blocks.

    Args:
        num_classes: K.
        depths: Blocks in the four stages.
        stem_width: Channels of the stem; a stage is twice as wide as the one before.
        dropout: Probability before the classifier.
    """
    middle = max(_STEM_MIDDLE * stem_width // FULL_WIDTH, 1)
    over_space = conv_bn(3, middle, kernel=(1, 7, 7), stride=2)
    over_time = conv_bn(middle, stem_width, kernel=(3, 1, 1))
    layers: OrderedDict[str, nn.Module] = OrderedDict(stem=nn.Sequential(*over_space, *over_time))
    channels, width = stem_width, stem_width
    for index, depth in enumerate(depths, 1):
        layers[f"layer{index}"] = stage(channels, width, depth, stride=1 if index == 1 else 2)
        channels, width = width, 2 * width
    trunk = nn.Sequential(layers)
    trunk.extend([nn.AdaptiveAvgPool3d(1), nn.Flatten()])
    he_normal(trunk)
    return ClipNetwork(trunk, width=channels, num_classes=num_classes, dropout=dropout)


def conv_bn(channels: int, width: int, *, kernel: Kernel, stride: int = 1) -> list[nn.Module]:
    """Build a convolution without bias, strided in space, its batch norm and a ReLU."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    strides = (1, stride, stride)
    conv = nn.Conv3d(channels, width, kernel, stride=strides, padding=padding, bias=False)
    return [conv, nn.BatchNorm3d(width), nn.ReLU(inplace=True)]


def stage(channels: int, width: int, depth: int, *, stride: int) -> nn.Sequential:
    """Build blocks, the first of which may halve time, height and width."""
    shortcut = None
    if stride > 1:
        conv = nn.Conv3d(channels, width, 1, stride=stride, bias=False)
        shortcut = nn.Sequential(conv, nn.BatchNorm3d(width))
    first = BasicBlock(channels, width, Conv2Plus1D, stride, shortcut)
    later = (BasicBlock(width, width, Conv2Plus1D) for _ in range(depth - 1))
    return nn.Sequential(first, *later)


class AnySizeMViT(MViT):  # type: ignore[misc]
    """torchvision's MViT up to the features of its class token, for clips of any extent.

    The tables of relative positions belong to `spatial_size` and `temporal_size`, and are
    interpolated for others.
    """

    def forward(self, x: Float[Tensor, "N 3 T H W"]) -> Float[Tensor, "N C"]:
        patches = self.conv_proj(x)
        tokens, grid = patches.flatten(2).transpose(1, 2), tuple(patches.shape[2:])
        tokens = self.pos_encoding(tokens)
        for block in self.blocks:
            tokens, grid = block(tokens, grid)
        features: Tensor = self.norm(tokens)[:, 0]
        return features


class ClassToken(PositionalEncoding):  # type: ignore[misc]
    """torchvision's class token, which multiplies nothing."""

    def macs(self, output: Tensor) -> int:  # noqa: ARG002
        """Return zero multiply-adds."""
        return 0


def mvit_v2_s(
    *,
    num_classes: int,
    depths: Sequence[int] = (1, 2, 11, 2),
    stem_width: int = 96,
    stochastic_depth: float = 0.2,
    dropout: float = 0.5,
) -> ClipNetwork:
    """Build an MViTv2, by default the small one.

    Args:
        num_classes: K.
        depths: Blocks in the four stages.
        stem_width: Channels of a patch, and of an attention head; a stage is twice as wide as the
            one before.
        stochastic_depth: Probability of leaving out the last block in training; it rises from zero.
        dropout: Probability before the classifier.
    """
    trunk = AnySizeMViT(
        spatial_size=(224, 224),
        temporal_size=16,
        block_setting=mvit_blocks(depths, stem_width),
        residual_pool=True,
        residual_with_cls_embed=False,
        rel_pos_embed=True,
        proj_after_attn=True,
        stochastic_depth_prob=stochastic_depth,
        num_classes=1,
    )
    trunk.head = nn.Identity()
    trunk.pos_encoding = ClassToken(stem_width, (56, 56), 8, rel_pos_embed=True)
    nn.init.trunc_normal_(trunk.pos_encoding.class_token, std=0.02)
    width = stem_width * _MVIT_HEADS[-1]
    return ClipNetwork(trunk, width=width, num_classes=num_classes, dropout=dropout)


def mvit_blocks(depths: Sequence[int], stem_width: int) -> list[MSBlockConfig]:
    """Return the settings of blocks: the first of a later stage doubles the channels."""
    settings, channels = [], stem_width
    for number, (depth, heads, keys) in enumerate(
        zip(depths, _MVIT_HEADS, _MVIT_KEYS, strict=True)
    ):
        for index in range(depth):
            stride = 2 if number and index == 0 else 1
            settings.append(
                MSBlockConfig(
                    num_heads=heads,
                    input_channels=channels,
                    output_channels=heads * stem_width,
                    kernel_q=[3, 3, 3],
                    kernel_kv=[3, 3, 3],
                    stride_q=[1, stride, stride],
                    stride_kv=[1, keys, keys],
                )
            )
            channels = heads * stem_width
    return settings


def swin3d(
    *,
    num_classes: int,
    depths: Sequence[int],
    stem_width: int,
    stochastic_depth: float = 0.1,
    dropout: float = 0.5,
) -> ClipNetwork:
    """Build a Video Swin transformer.

    Args:
        num_classes: K.
        depths: Blocks in the four stages.
        stem_width: Channels of a patch; a stage is twice as wide as the one before. The first
            stage has an attention head for every 32 of them, at least one.
        stochastic_depth: Probability of leaving out the last block in training; it rises from zero.
        dropout: Probability before the classifier.
    """
    heads = max(stem_width // _SWIN_HEAD, 1)
    trunk = SwinTransformer3d(
        patch_size=[2, 4, 4],
        embed_dim=stem_width,
        depths=list(depths),
        num_heads=[heads * 2**index for index in range(len(depths))],
        window_size=list(_SWIN_WINDOW),
        stochastic_depth_prob=stochastic_depth,
        num_classes=1,
    )
    trunk.head = nn.Identity()
    width = trunk.num_features
    return ClipNetwork(trunk, width=width, num_classes=num_classes, dropout=dropout)


swin3d_t = partial(swin3d, depths=(2, 2, 6, 2), stem_width=96)
swin3d_s = partial(swin3d, depths=(2, 2, 18, 2), stem_width=96)
swin3d_b = partial(swin3d, depths=(2, 2, 18, 2), stem_width=128)
