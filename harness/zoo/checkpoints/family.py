"""The reading of released weights: names translated, the network read off names and shapes.

A family is one code base, in a file of its own. Its function translates the names of a file
into the zoo's and reads the network off names and shapes; its keywords, with the paper's
values as defaults, are what weights cannot tell.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from harness.specs import ModelSpec, Option
from harness.utils.lookup import load_named
from harness.zoo import BACKBONES
from harness.zoo.checkpoints.rename import Rules, rename
from harness.zoo.layers.residual import STAGES


@dataclass(frozen=True, kw_only=True)
class CheckpointLayout:
    """What a family makes of a file.

    Attributes:
        names: Name in the zoo's network to name in the file.
        spec: The network.
        num_snippets: U of a pass in training, or None where no module looks across snippets.
    """

    names: Mapping[str, str]
    spec: ModelSpec
    num_snippets: int | None = None


def zoo_names(tensors: Mapping[str, Tensor], rules: Rules) -> dict[str, str]:
    """Map names of the zoo to those of the file; of two that become one, the first counts."""
    names: dict[str, str] = {}
    for name in tensors:
        names.setdefault(rename(name, rules), name)
    return names


def read_trunk(names: Mapping[str, str], tensors: Mapping[str, Tensor]) -> ModelSpec:
    """Read kind, depth, width and temporal kernels of a residual trunk."""
    kind = 50 if any(".convs.2." in name for name in names) else 18
    backbone = f"{'i3d_' if _is_inflated(names, tensors) else ''}resnet{kind}"
    options: dict[str, Option] = {}
    depths = _depths(names)
    if depths != load_named(BACKBONES, backbone, what="backbone").keywords["depths"]:
        options["depths"] = depths
    if "stem.0.weight" in names and (width := shape_of(names, tensors, "stem.0.weight")[0]) != 64:
        options["stem_width"] = width
    return ModelSpec(backbone=backbone, backbone_options=options)


def _depths(names: Mapping[str, str]) -> tuple[int, ...]:
    found = [re.match(r"(res[2-5])\.(\d+)\.", name) for name in names]
    blocks = [(match[1], int(match[2])) for match in found if match]
    missing = [stage for stage in STAGES if stage not in dict(blocks)]
    if missing:
        first = next(iter(names.values()), "none at all")
        raise ValueError(f"no tensors of {', '.join(missing)} among these names; first {first}")
    return tuple(1 + max(index for stage, index in blocks if stage == wanted) for wanted in STAGES)


def _is_inflated(names: Mapping[str, str], tensors: Mapping[str, Tensor]) -> bool:
    """Say whether res4 and res5 have temporal kernels; no other choice of stages is in the zoo."""
    kernels = {name: tensors[theirs] for name, theirs in names.items() if ".convs.0.0." in name}
    found = {name[:4] for name, k in kernels.items() if k.ndim == 5 and k.shape[2] > 1}
    if found not in (set(), {"res4", "res5"}):
        raise ValueError(f"temporal kernels in {sorted(found)}; here they are in res4 and res5")
    return bool(found)


def module_blocks(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Collect the blocks that carry a module, by stage."""
    found = {tuple(name.split(".")[:2]) for name in names if ".slots." in name}
    places: dict[str, tuple[int, ...]] = {}
    for stage, index in sorted((stage, int(index)) for stage, index in found):
        places[stage] = (*places.get(stage, ()), index)
    return places


def shape_of(names: Mapping[str, str], tensors: Mapping[str, Tensor], ending: str) -> tuple[int, ...]:
    """Return the shape of the first tensor with this ending."""
    for name, theirs in names.items():
        if name.endswith(ending):
            return tuple(tensors[theirs].shape)
    raise ValueError(f"no tensor *{ending} is in the file; it tells the size of the modules")
