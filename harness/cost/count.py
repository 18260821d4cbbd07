"""Parameters and multiply-adds of a network, counted at paper scale without running it.

Rule `mac+2bn` (fvcore in evaluation mode, which meets the printed figures): one multiply-add of a
convolution, a linear layer or a mix of snippets counts one, a batch norm two per output element,
everything else nothing. Rule `mac` leaves batch norm out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from harness.specs import Trial
from harness.zoo.build import build

RULE = "mac+2bn"
BATCH_NORM_OPS: Mapping[str, int] = {"mac": 0, "mac+2bn": 2}
_FREE = (nn.ReLU, nn.Softmax, nn.Dropout, nn.Identity, nn.ModuleDict)


@runtime_checkable
class Counted(Protocol):
    """A layer that knows its own cost."""

    def macs(self, output: Tensor) -> int:
        """Return the multiply-adds that made `output`."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Parameters, and multiply-adds per view under a rule, in ones."""

    params: int
    macs: int
    counting_rule: str
    num_classes: int


def count(trial: Trial, *, rule: str = RULE) -> Cost:
    """Count the network of a trial for one view: U snippets of T frames, one training crop.

    Args:
        trial: Gives the network and its input.
        rule: `mac` or `mac+2bn`.

    Raises:
        TypeError: If a layer has no rule; nothing is left out in silence.
    """
    data = trial.data
    with torch.device("meta"):
        net = build(trial.model, data)
        clip = torch.empty(1, data.num_snippets, 3, data.num_frames, data.crop_px, data.crop_px)
    return count_net(net, clip, rule=rule, num_classes=data.num_classes)


def count_net(net: nn.Module, clip: Tensor, *, rule: str = RULE, num_classes: int) -> Cost:
    """Count one forward pass of a network, which is left in evaluation mode."""
    total = 0

    def add(layer: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        total += _layer_macs(layer, output, BATCH_NORM_OPS[rule])

    layers = [x for x in net.modules() if isinstance(x, Counted) or not list(x.children())]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    with torch.inference_mode():
        net.eval()(clip)
    for hook in hooks:
        hook.remove()
    params = sum(parameter.numel() for parameter in net.parameters())
    return Cost(params=params, macs=total, counting_rule=rule, num_classes=num_classes)


def _layer_macs(layer: nn.Module, output: Tensor, batch_norm_ops: int) -> int:
    if isinstance(layer, Counted):
        return layer.macs(output)
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
        return output.numel() * batch_norm_ops
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if isinstance(layer, _FREE):
        return 0
    raise TypeError(f"no counting rule for the layer {type(layer).__name__}")
