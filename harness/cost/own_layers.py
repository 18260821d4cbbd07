"""Counting of the layers of a user's own network: other layers have rules of the harness."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.specs import Trial
from harness.tables import own_names

if TYPE_CHECKING:
    from torch import nn

_LIBRARIES = ("torch", "harness")


@dataclass(frozen=True, kw_only=True)
class OwnLayers:
    """Classes of layers that the harness has no rule for, by how they were counted.

    Attributes:
        by_flop_counter: As the convolutions and matrix products that they were seen to run;
            element-wise products count nothing, as in the layers of the harness.
        by_macs: By their own method `macs`.
        parameters_only: Their parameters, and no multiply-adds.
    """

    by_flop_counter: tuple[str, ...] = ()
    by_macs: tuple[str, ...] = ()
    parameters_only: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = (
            (
                self.by_flop_counter,
                "as torch.utils.flop_counter sees it run, element-wise products not counted",
            ),
            (self.by_macs, "by its own macs()"),
            (self.parameters_only, "by its parameters alone"),
        )
        return "; ".join(f"{', '.join(names)} {how}" for names, how in parts if names)


def own_layers(trials: Iterable[Trial]) -> OwnLayers:
    """Return how the layers of the user in some networks were counted."""
    own = [trial for trial in trials if own_names.has_own(trial)]
    if not own:
        return OwnLayers()
    import torch
    from torch import nn

    from harness.cost.count import Counted
    from harness.zoo.build import build

    seen: dict[str, None] = {}  # sets that keep their order
    declared: dict[str, None] = {}
    free: dict[str, None] = {}
    for trial in own:
        with torch.device("meta"):
            net = build(trial.model, trial.data)
        for layer in _own(net):
            (declared if isinstance(layer, Counted) else seen)[type(layer).__name__] = None
            free |= {
                type(part).__name__: None
                for part in layer.modules()
                if isinstance(part, (nn.LayerNorm, nn.GroupNorm))
            }
    return OwnLayers(
        by_flop_counter=tuple(seen), by_macs=tuple(declared), parameters_only=tuple(free)
    )


def _own(net: "nn.Module") -> "list[nn.Module]":
    """Return the layers of other code; the whole network if a function builds it of torch's."""
    own = [
        layer
        for layer in net.modules()
        if type(layer).__module__.partition(".")[0] not in _LIBRARIES
    ]
    return own or [net]
