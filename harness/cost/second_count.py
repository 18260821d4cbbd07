"""A second count of networks: fvcore's, on real tensors, with its own rule for every operation.

It shares no line with `harness.cost.count`, which runs networks on the meta device. fvcore traces a
pass and reads shapes off the graph. Rules are replaced here where its own are rounded (`einsum`),
refuse vectors (`matmul`) or are missing.
"""

import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from harness.cost.count import Counted
from harness.cost.memory import check_memory
from harness.specs import Trial
from harness.zoo.build import build
from harness.zoo.layers.dynamic import SnippetMix

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore uses what PyTorch has deprecated
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import get_shape

PRODUCTS = ("conv", "addmm", "linear", "matmul", "bmm", "einsum", "attention")
# Operations that multiply and that no rule covers: a count without them is too low.
NOT_COUNTED = (
    *(f"aten::{name}" for name in ("lstm", "gru", "rnn_tanh", "rnn_relu", "bilinear", "cdist")),
    *(f"aten::{name}" for name in ("_native_multi_head_attention", "tensordot")),
)


@dataclass(frozen=True, kw_only=True)
class SecondCount:
    """Parameters and multiply-adds of one pass, in ones.

    Attributes:
        params: Summed over the parameters of the real network.
        plain_macs: Without batch norm.
        norm_macs: Of batch norm, two per output element.
        declared: Multiply-adds that layers of a class declare, beyond those that fvcore sees.
        not_counted: Operations without a rule, and how often they ran.
    """

    params: int
    plain_macs: int
    norm_macs: int
    declared: Mapping[str, int]
    not_counted: Mapping[str, int]


def count_again(trial: Trial) -> SecondCount:
    """Count one training view of a trial's network on real tensors.

    Raises:
        NotEnoughMemoryError: If the pass needs more memory than is free.
    """
    data = trial.data
    shape = (1, data.num_snippets, 3, data.num_frames, data.crop_px, data.crop_px)
    with torch.device("meta"):
        check_memory(build(trial.model, data), torch.empty(shape))
    return count_real(build(trial.model, data), torch.zeros(shape))


def count_real(net: nn.Module, clip: Tensor) -> SecondCount:
    """Count a pass of a network on real tensors; the network is changed on the way."""
    params = sum(parameter.numel() for parameter in net.parameters())
    net = _as_convolutions(net.eval().requires_grad_(False))
    with _declared_costs(net) as declared, _traceable():
        analysis = FlopCountAnalysis(net, clip).set_op_handle(**_RULES)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        operations = analysis.by_operator()
        for name, layer_operations in analysis.by_module_and_operator().items():
            if name in declared:
                declared[name] -= _products(layer_operations)
        unsupported = analysis.unsupported_ops()
    beyond: Counter[str] = Counter()
    for name, macs in declared.items():
        beyond[type(net.get_submodule(name)).__name__] += macs
    return SecondCount(
        params=params,
        plain_macs=_products(operations),
        norm_macs=int(operations["batch_norm"]),
        declared={kind: macs for kind, macs in beyond.items() if macs},
        not_counted={name: unsupported[name] for name in NOT_COUNTED if unsupported[name]},
    )


class GroupedMix(nn.Module):
    """`SnippetMix` as the convolution that it stands for, with N x C groups."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size

    def forward(
        self, x: Float[Tensor, "N U C T H W"], taps: Float[Tensor, "N C L"]
    ) -> Float[Tensor, "N U C T H W"]:
        (n, _, _, t, h, _), half = x.shape, self.kernel_size // 2
        flat = rearrange(x, "n u c t h w -> 1 (n c) u (t h w)")
        kernels = rearrange(taps, "n c l -> (n c) 1 l 1")
        y = F.conv2d(flat, kernels, padding=(half, 0), groups=len(kernels))
        return rearrange(y, "1 (n c) u (t h w) -> n u c t h w", n=n, t=t, h=h)


def _as_convolutions(net: nn.Module) -> nn.Module:
    for layer in list(net.modules()):
        for name, child in layer.named_children():
            if isinstance(child, SnippetMix):
                setattr(layer, name, GroupedMix(child.kernel_size))
    return net


@contextmanager
def _declared_costs(net: nn.Module) -> Iterator[Counter[str]]:
    """Add up what layers declare of themselves, by name, over all calls."""
    declared: Counter[str] = Counter()
    hooks = [
        layer.register_forward_hook(
            lambda layer, _, output, name=name: declared.update({name: int(layer.macs(output))})
        )
        for name, layer in net.named_modules()
        if isinstance(layer, Counted) and isinstance(layer, nn.Module)
    ]
    try:
        yield declared
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _traceable() -> Iterator[None]:
    """Let PyTorch run every operation by itself: a fused layer hides its products from a trace."""
    was_fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_fast)


def _products(operations: dict[str, float]) -> int:
    return sum(int(operations.get(name, 0)) for name in PRODUCTS)


def _matmul(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter(matmul=math.prod(get_shape(outputs[0])) * get_shape(inputs[0])[-1])


def _baddbmm(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return _matmul(inputs[1:], outputs)


def _convolution(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count a convolution whose padding is a word."""
    return Counter(conv=math.prod(get_shape(outputs[0])) * math.prod(get_shape(inputs[1])[1:]))


def _einsum(inputs: list[Any], _: list[Any]) -> Counter[str]:
    """Count a product of two tensors: one multiply-add for every value of every index."""
    terms = inputs[0].toIValue().replace(" ", "").partition("->")[0].split(",")
    shapes = [get_shape(tensor) for tensor in inputs[1].node().inputs()]
    if len(terms) != 2:
        raise NotImplementedError(f"{len(terms)} tensors in one einsum; write products of two")
    sizes = {
        index: size
        for term, shape in zip(terms, shapes, strict=True)
        for index, size in zip(term, shape, strict=True)
    }
    return Counter(einsum=math.prod(sizes.values()))


def _attention(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Count both products of `scaled_dot_product_attention`, whatever is masked."""
    queries, keys = get_shape(inputs[0]), get_shape(inputs[1])
    widths = queries[-1] + get_shape(outputs[0])[-1]
    return Counter(attention=math.prod(queries[:-1]) * keys[-2] * widths)


def _batch_norm(_: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter(batch_norm=2 * math.prod(get_shape(outputs[0])))


_RULES = {
    **dict.fromkeys((f"aten::{name}" for name in ("matmul", "mm", "bmm", "mv", "dot")), _matmul),
    "aten::baddbmm": _baddbmm,
    "aten::_convolution_mode": _convolution,
    "aten::einsum": _einsum,
    "aten::scaled_dot_product_attention": _attention,
    "aten::batch_norm": _batch_norm,
}
