"""Helpers of checkpoint families: tensor names translated, the network inferred from shapes.

A family is one code base and has a file of its own. Its function translates the tensor names of a
checkpoint into the zoo's and infers the network from names and shapes; its keyword arguments,
with the paper's values as defaults, set what weights cannot show.
"""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from harness.specs import STAGES, ModelSpec, Option, Options
from harness.utils.lookup import load_named
from harness.zoo import BACKBONES
from harness.zoo.checkpoints.rename import Rules, rename


@dataclass(frozen=True, kw_only=True)
class CheckpointLayout:
    """The network of a checkpoint and the names of its tensors.

    Attributes:
        names: Tensor name in the zoo's network to its name in the file.
        spec: The network.
        num_snippets: U of a pass in training, or None if no module mixes snippets.
    """

    names: Mapping[str, str]
    spec: ModelSpec
    num_snippets: int | None = None


def zoo_names(tensors: Mapping[str, Tensor], rules: Rules) -> dict[str, str]:
    """Map tensor names of the zoo to those of the file; of two that map to one, keep the first."""
    names: dict[str, str] = {}
    for name in tensors:
        names.setdefault(rename(name, rules), name)
    return names


def read_trunk(names: Mapping[str, str], tensors: Mapping[str, Tensor]) -> ModelSpec:
    """Infer block type, depths, width and temporal kernels of a residual trunk."""
    depths = read_depths(names)
    layers = (50, 101, 152) if any(".convs.2." in name for name in names) else (18,)
    prefix = "i3d_" if _is_inflated(names, tensors) else ""
    trunks = [name for n in layers if (name := f"{prefix}resnet{n}") in BACKBONES]
    backbone = next((name for name in trunks if _usual_depths(name) == depths), trunks[0])
    options: dict[str, Option] = {}
    if depths != _usual_depths(backbone):
        options["depths"] = depths
    if "stem.0.weight" in names and (width := shape_of(names, tensors, "stem.0.weight")[0]) != 64:
        options["stem_width"] = width
    return ModelSpec(backbone=backbone, backbone_options=options)


def _usual_depths(backbone: str) -> tuple[int, ...]:
    depths: tuple[int, ...] = load_named(BACKBONES, backbone, what="backbone").keywords["depths"]
    return depths


def read_depths(names: Mapping[str, str]) -> tuple[int, ...]:
    """Return the number of blocks of each stage."""
    matches = [re.match(r"(res[2-5])\.(\d+)\.", name) for name in names]
    blocks = [(match[1], int(match[2])) for match in matches if match]
    missing = [stage for stage in STAGES if stage not in dict(blocks)]
    if missing:
        first = next(iter(names.values()), "(the file is empty)")
        raise ValueError(
            f"no tensors of {', '.join(missing)} in the file, whose first tensor is {first}; "
            "check the checkpoint family"
        )
    return tuple(1 + max(index for name, index in blocks if name == stage) for stage in STAGES)


def _is_inflated(names: Mapping[str, str], tensors: Mapping[str, Tensor]) -> bool:
    """Return whether res4 and res5 have temporal kernels; the zoo has no other inflation."""
    kernels = {name: tensors[source] for name, source in names.items() if ".convs.0.0." in name}
    stages = {name[:4] for name, k in kernels.items() if k.ndim == 5 and k.shape[2] > 1}
    if stages not in (set(), {"res4", "res5"}):
        raise ValueError(
            f"temporal kernels in {sorted(stages)}; the zoo has networks with temporal kernels in "
            "res4 and res5, or none"
        )
    return bool(stages)


def nearest_backbone(backbones: Sequence[str], options: Options) -> ModelSpec:
    """Return the backbone that needs the fewest of these options set, and those options."""
    specs = [
        ModelSpec(
            backbone=backbone,
            backbone_options={
                name: value
                for name, value in options.items()
                if value != _default_of(backbone, name)
            },
        )
        for backbone in backbones
    ]
    return min(specs, key=lambda spec: len(spec.backbone_options))


def _default_of(backbone: str, option: str) -> object:
    constructor: Any = load_named(BACKBONES, backbone, what="backbone")
    return inspect.signature(constructor).parameters[option].default


def module_blocks(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the indices of the blocks that carry a module, by stage."""
    prefixes = {tuple(name.split(".")[:2]) for name in names if ".slots." in name}
    blocks: dict[str, tuple[int, ...]] = {}
    for stage, index in sorted((stage, int(index)) for stage, index in prefixes):
        blocks[stage] = (*blocks.get(stage, ()), index)
    return blocks


def shape_of(
    names: Mapping[str, str], tensors: Mapping[str, Tensor], ending: str
) -> tuple[int, ...]:
    """Return the shape of the first tensor whose name has this ending."""
    for name, source in names.items():
        if name.endswith(ending):
            return tuple(tensors[source].shape)
    raise ValueError(
        f"no tensor *{ending} in the file, so the network is unknown; check the checkpoint family"
    )
