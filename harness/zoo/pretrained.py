"""Networks with released weights.

Depths, classes, temporal kernels, positions of modules and their sizes follow from names and
shapes; keyword arguments of the family set the rest, see `harness.zoo.checkpoints.family`.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from harness.specs import DataSpec, ModelSpec, Option, Options
from harness.utils.lookup import check_name, load_named
from harness.zoo import CHECKPOINTS
from harness.zoo.build import build
from harness.zoo.checkpoints.family import CheckpointLayout
from harness.zoo.checkpoints.rename import BATCH_COUNTER, reshape_to

# Buffers that a file may lack: evaluation never reads the first, and the second is constant.
OPTIONAL_BUFFERS = (BATCH_COUNTER, "relative_position_index")


@dataclass(frozen=True, kw_only=True)
class PretrainedNetwork:
    """A network with released weights, and how its tensors match the file.

    Attributes:
        net: In evaluation mode; (N U C T H W) clips to (N K) logits.
        spec: Builds the same network again.
        num_classes: K.
        num_snippets: U of a pass in training, or None if no module mixes snippets.
        matched: Tensors of the network that were loaded from the file.
        new: Tensors of the network that the file lacks; they keep their initial values.
        unused: Tensors of the file that the network lacks.
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
    """Build the network of official weights, and load them.

    Batch counters of batch norm may be missing: old files lack them, and evaluation never reads
    them. So may indices of relative positions, which are constants.

    Args:
        family: A name in `harness.zoo.CHECKPOINTS`.
        state_dict: Tensors by official name, as `read_state_dict` returns them.
        allow_missing: Load also if the file lacks tensors of the network, or holds others.
        options: Keyword arguments of the family's function, for facts that weights cannot show.

    Raises:
        ValueError: If the names are not those of the family, a shape differs, or file and network
            hold different tensors.
    """
    layout = _read_layout(family, state_dict, options)
    trained = {name: state_dict[source] for name, source in layout.names.items()}
    num_classes = num_classes_of(trained, family)
    data = DataSpec(name="any", num_classes=num_classes, num_snippets=layout.num_snippets or 1)
    net = build(layout.spec, data).eval()
    initial = net.state_dict()
    loaded = {
        name: reshape_to(trained[name], initial[name], name) for name in initial if name in trained
    }
    used = {layout.names[name] for name in loaded}
    pretrained = PretrainedNetwork(
        net=net,
        spec=layout.spec,
        num_classes=num_classes,
        num_snippets=layout.num_snippets,
        matched=tuple(loaded),
        new=tuple(n for n in initial if n not in loaded and not n.endswith(OPTIONAL_BUFFERS)),
        unused=tuple(name for name in state_dict if name not in used),
    )
    if not allow_missing:
        _check_coverage(pretrained, family)
    net.load_state_dict(loaded, strict=False)
    return pretrained


def _read_layout(
    family: str, state_dict: Mapping[str, Tensor], options: Options
) -> CheckpointLayout:
    read: Any = load_named(CHECKPOINTS, family, what="family of checkpoints")
    allowed = [*inspect.signature(read).parameters][1:]
    for option in options:
        check_name(option, allowed, what=f"option of {family}")
    layout: CheckpointLayout = read(state_dict, **options)
    return layout


def num_classes_of(trained: Mapping[str, Tensor], family: str) -> int:
    """Return the number of classes of tensors by their names in the zoo.

    Raises:
        ValueError: If they have no classifier.
    """
    for name, tensor in trained.items():
        if name.startswith("fc."):  # a layer, or several
            return tensor.shape[0]
    raise ValueError(f"{family}: the file has no classifier, so the number of classes is unknown")


def _check_coverage(pretrained: PretrainedNetwork, family: str) -> None:
    """Refuse a network and a file that do not hold the same tensors."""
    gaps = {"missing": pretrained.new, "unused": pretrained.unused}
    counts = [f"{len(names)} {kind} ({names_text(names)})" for kind, names in gaps.items() if names]
    if counts:
        matched = f"{family}: {len(pretrained.matched)} tensors match"
        raise ValueError(f"{matched}, {' and '.join(counts)}; pass allow_missing=True to load them")


def names_text(names: Sequence[str]) -> str:
    """Return some names as text: the first three."""
    return f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
