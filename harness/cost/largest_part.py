"""Which part of a network costs most, found by counting each of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from harness.cost.count import count_net
from harness.cost.rules import Kind
from harness.specs import Trial
from harness.zoo.build import build

Calls = Mapping[nn.Module, list[tuple[Any, ...]]]
_NEARLY_ALL = 0.95  # a part with more is shown by its own parts


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stage, or another group of layers, and its share of the cost of its network, 0 to 1."""

    name: str
    share: float


def largest_part(trials: tuple[Trial, ...], kind: Kind) -> Part:
    """Return the part of some networks, taken together, that costs most in a training view."""
    key = kind, *(f"{trial.model} {trial.data}" for trial in trials)
    if key not in _known:
        _known[key] = _largest_part(trials, kind)
    return _known[key]


_known: dict[tuple[str, ...], Part] = {}


def _largest_part(trials: tuple[Trial, ...], kind: Kind) -> Part:
    costs: Counter[str] = Counter()
    total = 0
    for trial in trials:
        with torch.device("meta"):
            net = build(trial.model, trial.data)
        cost = _parameters if kind == "parameters" else _multiply_adds(net, trial)
        costs.update(_by_part(net, cost))
        total += cost(net)
    name, most = costs.most_common(1)[0]
    return Part(name=name, share=most / total)


def _by_part(net: nn.Module, cost: Callable[[nn.Module], int]) -> dict[str, int]:
    """Return the cost of every part of a network, the parts of a part that is nearly all of it."""
    costs = {name: cost(part) for name, part in net.named_children()}
    top = max(costs, key=lambda name: costs[name])
    inner = net.get_submodule(top)
    if costs[top] <= _NEARLY_ALL * sum(costs.values()) or not list(inner.children()):
        return costs
    return {f"{top}.{name}": macs for name, macs in _by_part(inner, cost).items()}


def _parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _multiply_adds(net: nn.Module, trial: Trial) -> Callable[[nn.Module], int]:
    """Return a function from a part of a network to the multiply-adds of all of its calls."""
    data = trial.data
    with torch.device("meta"):
        clip = torch.empty(1, data.num_snippets, 3, data.num_frames, data.crop_px, data.crop_px)
    with _recorded_calls(net) as calls, torch.inference_mode():
        net.eval()(clip)

    def cost(part: nn.Module) -> int:
        if not calls[part]:  # a list of layers is never called itself
            return sum(cost(child) for child in part.children())
        counts = [count_net(_Call(part, args), clip, num_classes=0) for args in calls[part]]
        return sum(count.macs for count in counts)

    return cost


@contextmanager
def _recorded_calls(net: nn.Module) -> Iterator[Calls]:
    """Record the arguments of every call of a layer."""
    calls: dict[nn.Module, list[tuple[Any, ...]]] = {layer: [] for layer in net.modules()}
    hooks = [
        layer.register_forward_pre_hook(lambda layer, args: calls[layer].append(args))
        for layer in calls
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


class _Call(nn.Module):
    """A call of a layer with recorded arguments, whatever clip it is given."""

    def __init__(self, layer: nn.Module, args: tuple[Any, ...]) -> None:
        super().__init__()
        self.layer, self.args = layer, args

    def forward(self, _: object) -> Any:
        return self.layer(*self.args)
