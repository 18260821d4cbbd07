"""Given weights in the network of a row, under the names of any known code base.

The row sets the facts that weights cannot show, such as the position of a module. Everything that
a file does show must agree with the row: names, shapes, layers and the number of classes.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from harness.specs import DataSpec, ModelSpec, Options
from harness.utils.lookup import check_name, load_named
from harness.zoo import CHECKPOINTS
from harness.zoo.build import build
from harness.zoo.checkpoints.family import CheckpointLayout
from harness.zoo.checkpoints.rename import reshape_to
from harness.zoo.pretrained import OPTIONAL_BUFFERS, names_text, num_classes_of

OWN_FAMILY = "harness"  # names of the zoo, as `harness export` writes them


@dataclass(frozen=True, kw_only=True)
class GivenNetwork:
    """The network of a row with given weights.

    Attributes:
        net: In evaluation mode; (N U C T H W) clips to (N K) logits.
        family: Code base whose names the file has.
        num_tensors: Tensors that were loaded.
    """

    net: nn.Module
    family: str
    num_tensors: int


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A reading of the file: family, tensors by their name in the zoo, and the network it shows."""

    family: str
    tensors: Mapping[str, Tensor]
    layout: CheckpointLayout

    def gaps(self, net: nn.Module) -> tuple[list[str], list[str]]:
        """Return the tensors that only the network has, and those that only the file has."""
        wanted = net.state_dict().keys()
        missing = [n for n in wanted if n not in self.tensors and not n.endswith(OPTIONAL_BUFFERS)]
        return missing, [name for name in self.tensors if name not in wanted]


def load_given(
    tensors: Mapping[str, Tensor], model: ModelSpec, data: DataSpec, *, family: str | None = None
) -> GivenNetwork:
    """Build the network of a row with the weights of a file.

    Args:
        tensors: By the names of the file.
        model: Network of the row.
        data: Number of classes and of snippets.
        family: A name in `CHECKPOINTS`, or `OWN_FAMILY`; None for the one that fits.

    Raises:
        ValueError: If no family fits, or the file shows another network or number of classes.
    """
    net = build(replace(model, weights=None), data).eval()
    candidates = list(_read(tensors, model, family))
    if not candidates:
        first = names_text([*tensors])
        raise ValueError(f"no family of checkpoints reads this file; it holds {first}")
    best = min(candidates, key=lambda candidate: sum(map(len, candidate.gaps(net))))
    _check_tensors(best, net, model)
    _check_classes(best, data)
    loaded = _fitted(best.tensors, net)
    _check_layers(best, net, model, data)
    net.load_state_dict(loaded, strict=False)
    return GivenNetwork(net=net, family=best.family, num_tensors=len(loaded))


def _read(
    tensors: Mapping[str, Tensor], model: ModelSpec, family: str | None
) -> Iterator[_Candidate]:
    """Yield the readings of a file, by one family or by each that accepts it."""
    families = (OWN_FAMILY, *CHECKPOINTS)
    if family is not None:
        check_name(family, families, what="family of checkpoints")
    if family in (None, OWN_FAMILY):
        names = {name.removeprefix("module."): name for name in tensors}
        yield _candidate(OWN_FAMILY, tensors, CheckpointLayout(names=names, spec=model))
    for name in families[1:] if family is None else {family} - {OWN_FAMILY}:
        read: Any = load_named(CHECKPOINTS, name, what="family of checkpoints")
        try:
            layout: CheckpointLayout = read(tensors, **_hidden_facts(read, model))
        except (ValueError, LookupError):
            if family is not None:
                raise
        else:
            yield _candidate(name, tensors, layout)


def _candidate(family: str, tensors: Mapping[str, Tensor], layout: CheckpointLayout) -> _Candidate:
    by_name = {name: tensors[source] for name, source in layout.names.items()}
    return _Candidate(family=family, tensors=by_name, layout=layout)


def _hidden_facts(read: Any, model: ModelSpec) -> Options:
    """Return the facts of the row that weights of a family cannot show."""
    facts = {**model.backbone_options, **model.module_options, "position": model.position}
    allowed = [*inspect.signature(read).parameters][1:]
    return {name: value for name, value in facts.items() if name in allowed}


def _check_tensors(candidate: _Candidate, net: nn.Module, model: ModelSpec) -> None:
    missing, unused = candidate.gaps(net)
    if not missing and not unused:
        return
    total = len(candidate.tensors)
    gaps = {"the file lacks": missing, "the network lacks": unused}
    details = "; ".join(f"{what} {names_text(names)}" for what, names in gaps.items() if names)
    raise ValueError(
        f"{total - len(unused)} of the {total} tensors are those of {_describe(model)}, read as "
        f"{candidate.family}; {details}; name the row of this network, or another --family"
    )


def _describe(model: ModelSpec) -> str:
    if model.module is None:
        return model.backbone
    blocks = ", ".join(f"{stage} {list(at)}" for stage, at in model.blocks.items())
    return f"{model.backbone} with {model.module} in {blocks}"


def _check_classes(candidate: _Candidate, data: DataSpec) -> None:
    count = num_classes_of(candidate.tensors, candidate.family)
    if count != data.num_classes:
        raise ValueError(
            f"the file has {count} classes, and {data.name} has {data.num_classes}: its answers "
            "would be read as other classes; name the data set that the weights were trained on"
        )


def _fitted(tensors: Mapping[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
    """Return the tensors in the layout of the network; a 2D kernel is never inflated."""
    wanted = net.state_dict()
    for name, tensor in tensors.items():
        if tensor.ndim == 4 and wanted[name].ndim == 5 and wanted[name].shape[2] > 1:
            raise ValueError(
                f"{name} is a 2D kernel, in the network of the row it is 3D; name a 2D row"
            )
    return {name: reshape_to(tensor, wanted[name], name) for name, tensor in tensors.items()}


def _check_layers(candidate: _Candidate, net: nn.Module, model: ModelSpec, data: DataSpec) -> None:
    """Refuse a row whose layers differ in what the names of the file show, such as shifts."""
    with torch.device("meta"):
        shown = build(replace(candidate.layout.spec, dropout=model.dropout, weights=None), data)
    layers, row_layers = (
        {name: type(layer).__name__ for name, layer in each.named_modules()}
        for each in (shown, net)
    )
    if layers != row_layers:
        raise ValueError(
            f"read as {candidate.family}, the file is of {_describe(candidate.layout.spec)}, the "
            f"row of {_describe(model)}; name the row of this network"
        )
