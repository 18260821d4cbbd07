"""The names that released code gives its tensors, and the networks that they belong to.

A family is one code base. Its function translates the names of a file into the zoo's and reads the
network off names and shapes; its keywords, with the paper's values as defaults, are what weights
cannot tell. Checked against github.com/whwu95/DSANet 5c877eb, msight-tech/research-v4d bb887d5
(names and shapes only), mit-han-lab/temporal-shift-module 1f6a834, facebookresearch/SlowFast
287ec00 and facebookresearch/pytorchvideo f3142bb.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from harness.names import find
from harness.specs import ModelSpec, Option, Position
from harness.zoo import BACKBONES
from harness.zoo.checkpoints import TORCHVISION, Rules, rename
from harness.zoo.resnet import STAGES

DSANET: Rules = {
    r"^module\.": "",
    r"^backbone\.": "",
    r"^(layer\d\.\d+)\.block\.": r"\1.",
    r"^cls_head\.fc_cls\.": "fc.",
    **TORCHVISION,
}
V4D: Rules = {
    r"^module\.": "",
    r"^base_model\.": "",
    r"^new_fc\.": "fc.",
    **TORCHVISION,
}
TSM: Rules = {
    r"\.conv1\.(?=weight)": ".conv1_without_shift.",
    r"^(module\.)?base_model\.conv1_without_shift\.": "conv1.",
    r"\.conv1\.net\.": ".conv1.",
    **V4D,
}
PYSLOWFAST: Rules = {
    r"^module\.": "",
    r"^s1\.pathway0_stem\.conv\.": "stem.0.",
    r"^s1\.pathway0_stem\.bn\.": "stem.1.",
    r"^s([2-5])\.pathway0_res(\d+)\.": r"res\1.\2.",
    r"\.branch1\.": ".shortcut.0.",
    r"\.branch1_bn\.": ".shortcut.1.",
    r"\.branch2\.a\.": ".convs.0.0.",
    r"\.branch2\.b\.": ".convs.1.0.",
    r"\.branch2\.c\.": ".convs.2.0.",
    r"\.branch2\.a_bn\.": ".convs.0.1.",
    r"\.branch2\.b_bn\.": ".convs.1.1.",
    r"\.branch2\.c_bn\.": ".convs.2.1.",
    r"^head\.projection\.": "fc.",
}
PYTORCHVIDEO: Rules = {
    r"^module\.": "",
    r"^blocks\.0\.conv\.": "stem.0.",
    r"^blocks\.0\.norm\.": "stem.1.",
    r"^blocks\.1\.res_blocks\.": "res2.",
    r"^blocks\.2\.res_blocks\.": "res3.",
    r"^blocks\.3\.res_blocks\.": "res4.",
    r"^blocks\.4\.res_blocks\.": "res5.",
    r"\.branch1_conv\.": ".shortcut.0.",
    r"\.branch1_norm\.": ".shortcut.1.",
    r"\.branch2\.conv_a\.": ".convs.0.0.",
    r"\.branch2\.conv_b\.": ".convs.1.0.",
    r"\.branch2\.conv_c\.": ".convs.2.0.",
    r"\.branch2\.norm_a\.": ".convs.0.1.",
    r"\.branch2\.norm_b\.": ".convs.1.1.",
    r"\.branch2\.norm_c\.": ".convs.2.1.",
    r"^blocks\.5\.proj\.": "fc.",
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a family makes of a file.

    Attributes:
        names: Name in the zoo's network to name in the file.
        spec: The network.
        num_snippets: U of a pass in training, or None where no module looks across snippets.
    """

    names: Mapping[str, str]
    spec: ModelSpec
    num_snippets: int | None = None


def dsanet(
    tensors: Mapping[str, Tensor],
    *,
    position: Position = "after_conv1",
    beta: float = 1 / 8,
    identity: bool | None = None,
) -> Reading:
    """Read DSANet; U, alpha and the number of taps are in the shapes of the generators.

    Args:
        tensors: By official name.
        position: Cannot be read: the released code stores a module beside its block, wherever in
            the block it stands, and none of its weights has a channel axis. Default: position II,
            the paper's choice.
        beta: Share of the channels that are mixed. Cannot be read: the generator is alpha U x U
            whatever the share. Default: that of the released configuration.
        identity: Whether the module adds its input. Cannot be read either. None: after the block
            yes, inside it no, as the released code does.
    """
    generator = {r"\.dsa\.generate\.": f".slots.{position}.generator."}
    names = _renamed(tensors, {**DSANET, **generator})
    spec, places = _trunk(names, tensors), _places(names)
    if not places:
        return Reading(names=names, spec=spec)
    width, num_snippets = _shape(names, tensors, ".generator.0.weight")
    options: dict[str, Option] = {
        "alpha": width // num_snippets,
        "beta": beta,
        "kernel_size": _shape(names, tensors, ".generator.3.weight")[0],
        "identity": position == "after_block" if identity is None else identity,
    }
    spec = replace(spec, module="dsa", module_options=options, position=position, blocks=places)
    return Reading(names=names, spec=spec, num_snippets=num_snippets)


def v4d(tensors: Mapping[str, Tensor], *, num_snippets: int = 4) -> Reading:
    """Read V4D; its 4D convolutions stand in the list of blocks, each behind the one it follows.

    Args:
        tensors: By official name.
        num_snippets: U in training; the kernel slides along U and does not tell. The network runs
            with any other number too.
    """
    names = _without_4d_in_the_count(_renamed(tensors, V4D))
    spec, places = _trunk(names, tensors), _places(names)
    if not places:
        return Reading(names=names, spec=spec)
    shape = _shape(names, tensors, ".after_block.weight")
    kernel = (shape[0], *shape[3:]) if len(shape) == 6 else (*shape[2:4], 1, 1)
    spec = replace(
        spec,
        module="v4d",
        module_options={"kernel": kernel},
        position="after_block",
        blocks=places,
    )
    return Reading(names=names, spec=spec, num_snippets=num_snippets)


def tsm(tensors: Mapping[str, Tensor]) -> Reading:
    """Read TSM with a shift in every block, on the residual path; others are refused by name."""
    names = _renamed(tensors, TSM)
    spec = _trunk(names, tensors)
    return Reading(names=names, spec=replace(spec, backbone=f"tsm_{spec.backbone}"))


def slowonly_pyslowfast(tensors: Mapping[str, Tensor]) -> Reading:
    """Read the Slow network of PySlowFast."""
    names = _renamed(tensors, PYSLOWFAST)
    return Reading(names=names, spec=_trunk(names, tensors))


def slowonly_pytorchvideo(tensors: Mapping[str, Tensor]) -> Reading:
    """Read the Slow network of PyTorchVideo."""
    names = _renamed(tensors, PYTORCHVIDEO)
    return Reading(names=names, spec=_trunk(names, tensors))


def _renamed(tensors: Mapping[str, Tensor], rules: Rules) -> dict[str, str]:
    """Map names of the zoo to those of the file; of two that become one, the first counts."""
    names: dict[str, str] = {}
    for name in tensors:
        names.setdefault(rename(name, rules), name)
    return names


def _without_4d_in_the_count(names: Mapping[str, str]) -> dict[str, str]:
    """Count blocks alone, and put each 4D convolution into the block before it."""
    taken = [name.removesuffix(".tsa.weight") for name in names if name.endswith(".tsa.weight")]
    counted: dict[str, str] = {}
    for name, theirs in names.items():
        stage, index, rest = (*name.split(".", 2), "", "")[:3]
        if index.isdigit() and stage in STAGES:
            number = int(index) - sum(f"{stage}.{i}" in taken for i in range(int(index)))
            if rest == "tsa.weight":
                number, rest = number - 1, "slots.after_block.weight"
            name = f"{stage}.{number}.{rest}"
        counted[name] = theirs
    return counted


def _trunk(names: Mapping[str, str], tensors: Mapping[str, Tensor]) -> ModelSpec:
    """Read kind, depth, width and temporal kernels of a residual trunk."""
    kind = 50 if any(".convs.2." in name for name in names) else 18
    backbone = f"{'i3d_' if _is_inflated(names, tensors) else ''}resnet{kind}"
    options: dict[str, Option] = {}
    depths = _depths(names)
    if depths != find(BACKBONES, backbone, what="backbone").keywords["depths"]:
        options["depths"] = depths
    if "stem.0.weight" in names and (width := _shape(names, tensors, "stem.0.weight")[0]) != 64:
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


def _places(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Collect the blocks that carry a module, by stage."""
    found = {tuple(name.split(".")[:2]) for name in names if ".slots." in name}
    places: dict[str, tuple[int, ...]] = {}
    for stage, index in sorted((stage, int(index)) for stage, index in found):
        places[stage] = (*places.get(stage, ()), index)
    return places


def _shape(names: Mapping[str, str], tensors: Mapping[str, Tensor], ending: str) -> tuple[int, ...]:
    """Return the shape of the first tensor with this ending."""
    for name, theirs in names.items():
        if name.endswith(ending):
            return tuple(tensors[theirs].shape)
    raise ValueError(f"no tensor *{ending} is in the file; it tells the size of the modules")
