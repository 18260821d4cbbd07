"""Weights of the video networks of torchvision.

Source: checked against torchvision 0.29.2.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from torch import Tensor

from harness.specs import ModelSpec, Option
from harness.zoo.checkpoints.family import CheckpointLayout, shape_of, zoo_names
from harness.zoo.checkpoints.inception.s3d import read_width
from harness.zoo.checkpoints.rename import Rules

S3D: Rules = {r"^classifier\.1\.": "fc."}
TRUNK: Rules = {r"^(?!fc\.)": "trunk."}
MVIT: Rules = {r"^head\.1\.": "fc.", **TRUNK}
SWIN: Rules = {r"^head\.": "fc.", **TRUNK}
# Depths, and the width of the stem.
USUAL = {
    "r2plus1d_18": ((2, 2, 2, 2), 64),
    "mvit_v2_s": ((1, 2, 11, 2), 96),
    "swin3d_t": ((2, 2, 6, 2), 96),
    "swin3d_s": ((2, 2, 18, 2), 96),
    "swin3d_b": ((2, 2, 18, 2), 128),
}


def torchvision_video(tensors: Mapping[str, Tensor]) -> CheckpointLayout:
    """Return the layout of an S3D, R(2+1)D, MViTv2 or Video Swin, whichever the names belong to.

    Raises:
        ValueError: If they belong to none.
    """
    plain = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    for name, read in READERS.items():
        if name in plain:
            rules, spec = read(plain)
            names = zoo_names(tensors, {r"^module\.": "", **rules})
            return CheckpointLayout(names=names, spec=spec)
    raise ValueError(
        f"none of {', '.join(READERS)} in the file, so it is no S3D, R(2+1)D, MViTv2 or Video Swin "
        "of torchvision; check the checkpoint family"
    )


def _s3d(tensors: Mapping[str, Tensor]) -> tuple[Rules, ModelSpec]:
    options = read_width({name: name for name in tensors}, tensors)
    return S3D, ModelSpec(backbone="s3d", backbone_options=options)


def _r2plus1d(tensors: Mapping[str, Tensor]) -> tuple[Rules, ModelSpec]:
    depths = _depths(tensors, r"layer(\d)\.(\d+)\.")
    return TRUNK, _spec(("r2plus1d_18",), depths, _width(tensors, "stem.3.weight"))


def _mvit(tensors: Mapping[str, Tensor]) -> tuple[Rules, ModelSpec]:
    """Read the depths off the blocks that project, which open the later stages."""
    total = sum(_depths(tensors, r"(blocks)\.(\d+)\."))
    opening = [n for n in range(total) if f"blocks.{n}.project.weight" in tensors]
    depths = tuple(end - start for start, end in zip((0, *opening), (*opening, total), strict=True))
    return MVIT, _spec(("mvit_v2_s",), depths, _width(tensors, "conv_proj.weight"))


def _swin(tensors: Mapping[str, Tensor]) -> tuple[Rules, ModelSpec]:
    depths = _depths(tensors, r"features\.(\d)\.(\d+)\.")
    width = _width(tensors, "patch_embed.proj.weight")
    return SWIN, _spec(("swin3d_t", "swin3d_s", "swin3d_b"), depths, width)


READERS: Mapping[str, Callable[[Mapping[str, Tensor]], tuple[Rules, ModelSpec]]] = {
    "classifier.1.weight": _s3d,
    "layer1.0.conv1.0.0.weight": _r2plus1d,
    "conv_proj.weight": _mvit,
    "patch_embed.proj.weight": _swin,
}


def _depths(names: Iterable[str], pattern: str) -> tuple[int, ...]:
    """Count the blocks of stages, from names that begin with a stage and a block."""
    matches = [re.match(pattern, name) for name in names]
    blocks = {(match[1], int(match[2])) for match in matches if match}
    stages = sorted({stage for stage, _ in blocks})
    return tuple(sum(stage == found for found, _ in blocks) for stage in stages)


def _width(tensors: Mapping[str, Tensor], name: str) -> int:
    return shape_of({key: key for key in tensors}, tensors, name)[0]


def _spec(backbones: Sequence[str], depths: tuple[int, ...], width: int) -> ModelSpec:
    """Return the backbone of these sizes, or the first one with options."""
    for backbone in backbones:
        if USUAL[backbone] == (depths, width):
            return ModelSpec(backbone=backbone)
    options: dict[str, Option] = {"depths": depths, "stem_width": width}
    return ModelSpec(backbone=backbones[0], backbone_options=options)
