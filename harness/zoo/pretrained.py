"""Read networks that were trained with the code their papers released.

Depth, classes, temporal kernels, places of modules and their sizes follow from names and shapes;
what weights cannot tell is a keyword of the family in `harness.zoo.checkpoints.family`.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from harness.specs import DataSpec, ModelSpec, Option, Options
from harness.utils.lookup import check_name, load_named
from harness.zoo import CHECKPOINTS
from harness.zoo.build import build
from harness.zoo.checkpoints.family import CheckpointLayout
from harness.zoo.checkpoints.rename import BATCH_COUNTER, reshape_to


@dataclass(frozen=True, kw_only=True)
class PretrainedNetwork:
    """A network with the weights of a file, and how they met.

    Attributes:
        net: In evaluation mode; (N U C T H W) clips to (N K) logits.
        spec: Builds the same network again.
        num_classes: K.
        num_snippets: U of a pass in training, or None where no module looks across snippets.
        matched: Tensors of the network that came from the file.
        new: Tensors of the network that the file lacks; they keep their initial values.
        unused: Tensors of the file that have no place in the network.
    """

    net: nn.Module
    spec: ModelSpec
    num_classes: int
    num_snippets: int | None
    matched: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]


def from_official(
    family: str,
    state_dict: Mapping[str, Tensor],
    *,
    allow_missing: bool = False,
    **options: Option,
) -> PretrainedNetwork:
    """Build the network that official weights belong to, and load them.

    Counters of batch norm may be missing: old files lack them, and evaluation never reads them.

    Args:
        family: A name in `harness.zoo.CHECKPOINTS`.
        state_dict: Tensors by official name, as `read_state_dict` gives them.
        allow_missing: Go on when the file lacks tensors of the network, or holds others.
        options: What the weights do not tell; the keywords of the family's function.

    Raises:
        ValueError: If the names are not of this family, a shape differs, or file and network do
            not cover each other.
    """
    reading = _read_layout(family, state_dict, options)
    found = {name: state_dict[theirs] for name, theirs in reading.names.items()}
    classes = _num_classes(found, family)
    data = DataSpec(name="any", num_classes=classes, num_snippets=reading.num_snippets or 1)
    net = build(reading.spec, data).eval()
    wanted = net.state_dict()
    loaded = {name: reshape_to(found[name], wanted[name], name) for name in wanted if name in found}
    used = {reading.names[name] for name in loaded}
    imported = PretrainedNetwork(
        net=net,
        spec=reading.spec,
        num_classes=classes,
        num_snippets=reading.num_snippets,
        matched=tuple(loaded),
        new=tuple(n for n in wanted if n not in loaded and not n.endswith(BATCH_COUNTER)),
        unused=tuple(name for name in state_dict if name not in used),
    )
    if not allow_missing:
        _refuse_gaps(imported, family)
    net.load_state_dict(loaded, strict=False)
    return imported


def _read_layout(family: str, state_dict: Mapping[str, Tensor], options: Options) -> CheckpointLayout:
    read: Any = load_named(CHECKPOINTS, family, what="family of checkpoints")
    allowed = [*inspect.signature(read).parameters][1:]
    for option in options:
        check_name(option, allowed, what=f"option of {family}")
    reading: CheckpointLayout = read(state_dict, **options)
    return reading


def _num_classes(found: Mapping[str, Tensor], family: str) -> int:
    for name in ("fc.weight", "fc.bias"):
        if name in found:
            return found[name].shape[0]
    raise ValueError(f"{family}: the file has no classifier, so the number of classes is unknown")


def _refuse_gaps(imported: PretrainedNetwork, family: str) -> None:
    gaps = {"missing": imported.new, "unused": imported.unused}
    told = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for kind, names in gaps.items()
        if names
    ]
    if told:
        matched = f"{family}: {len(imported.matched)} tensors match"
        raise ValueError(f"{matched}, {' and '.join(told)}; allow_missing=True goes on")
