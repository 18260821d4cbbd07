"""Parameters and multiply-adds of a network, counted at paper scale without running it.

Convolutions and matrix products are those that `torch.utils.flop_counter` sees the network run, in
layers or outside them; what counts is in `harness.cost.rules`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

from harness.cost.rules import BATCH_NORM_OPS, RULE
from harness.specs import Trial
from harness.zoo.build import build

_FREE = (nn.GroupNorm, nn.LayerNorm)  # hold parameters, and multiply only by elements


@runtime_checkable
class Counted(Protocol):
    """A layer that knows its own cost, whatever operations it runs."""

    def macs(self, output: Tensor) -> int:
        """Return the multiply-adds that made `output`."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Parameters, and multiply-adds per view under a rule, in ones.

    Attributes:
        params: All of the network.
        plain_macs: Multiply-adds without batch norm.
        norm_outputs: Output elements of batch norm.
        counting_rule: Under which `macs` is counted.
        num_classes: K.
    """

    params: int
    plain_macs: int
    norm_outputs: int
    counting_rule: str
    num_classes: int

    @property
    def macs(self) -> int:
        """Return the multiply-adds under the rule."""
        return self.plain_macs + BATCH_NORM_OPS[self.counting_rule] * self.norm_outputs


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
    """Count one forward pass of a network, which is left in evaluation mode.

    Raises:
        TypeError: If a layer holds parameters of its own, runs neither a convolution nor a matrix
            product, and has no method `macs`.
    """
    meter = _Meter()
    with meter.attached_to(net), torch.inference_mode(), meter.operations:
        net.eval()(clip)
    return Cost(
        params=_parameters(net),
        plain_macs=meter.macs,
        norm_outputs=meter.norm_outputs,
        counting_rule=rule,
        num_classes=num_classes,
    )


def count_parameters(trial: Trial) -> int:
    """Count the parameters of a trial's network, without a forward pass."""
    with torch.device("meta"):
        return _parameters(build(trial.model, trial.data))


def _parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


class _Meter:
    """The multiply-adds of a forward pass: operations run, and what layers declare instead."""

    def __init__(self) -> None:
        self.operations = FlopCounterMode(display=False)
        self.norm_outputs = 0
        self._starts: dict[nn.Module, int] = {}  # multiply-adds before a layer began
        self._adjustment = 0  # declared multiply-adds, less those that the same layers ran

    @property
    def macs(self) -> int:
        """Return the multiply-adds so far, without batch norm."""
        return self.operations.get_total_flops() // 2 + self._adjustment

    @contextmanager
    def attached_to(self, net: nn.Module) -> Iterator[None]:
        """Watch the layers that declare a cost, normalise batches or hold parameters."""
        layers = [
            layer
            for layer in net.modules()
            if isinstance(layer, (Counted, _BatchNorm)) or _holds_parameters(layer)
        ]
        hooks = [
            handle
            for layer in layers
            for handle in (
                layer.register_forward_pre_hook(self._begin),
                layer.register_forward_hook(self._end),
            )
        ]
        try:
            yield
        finally:
            for handle in hooks:
                handle.remove()

    def _begin(self, layer: nn.Module, _: object) -> None:
        self._starts[layer] = self.macs

    def _end(self, layer: nn.Module, _: object, output: Tensor) -> None:
        ran = self.macs - self._starts.pop(layer)
        if isinstance(layer, Counted):
            self._adjustment += layer.macs(output) - ran
        elif isinstance(layer, _BatchNorm):
            self.norm_outputs += output.numel()
        elif not ran and not isinstance(layer, _FREE):
            raise TypeError(
                f"{type(layer).__name__} holds parameters and runs neither a convolution nor a "
                "matrix product; give it a method macs(output), which may return 0"
            )


def _holds_parameters(layer: nn.Module) -> bool:
    """Return whether a layer has parameters of its own."""
    return any(True for _ in layer.parameters(recurse=False))
