"""Forms of the mix of snippets beside the one in use, and what any form must do at least.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from benchmarks.paired import Action

Form = Callable[[Tensor, Tensor], Tensor]


def pass_through(form: Form, x: Tensor, taps: Tensor, upstream: Tensor) -> tuple[Tensor, ...]:
    """Run forward and backward; return the output and both gradients."""
    x, taps = x.detach().requires_grad_(), taps.detach().requires_grad_()
    y = form(x, taps)
    return y.detach(), *torch.autograd.grad(y, (x, taps), upstream)


def sums(
    x: Float[Tensor, "N U C T H W"], taps: Float[Tensor, "N C L"]
) -> Float[Tensor, "N U C T H W"]:
    """Mix snippets by a written-out sum over the taps of each, which a compiler can fuse."""
    count, half = x.shape[1], taps.shape[2] // 2
    weights = rearrange(taps, "n c l -> n c l 1 1 1")
    mixed = [
        sum(
            weights[:, :, at - snippet + half] * x[:, at]
            for at in range(max(snippet - half, 0), min(snippet + half + 1, count))
        )
        for snippet in range(count)
    ]
    return torch.stack(mixed, dim=1)  # type: ignore[arg-type]


def copies(x: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
    """Read and write what every form must: the input once forward, with the gradient backward."""
    return x.clone(), x + upstream


def other_forms(
    mix: torch.nn.Module, inputs: tuple[Tensor, Tensor, Tensor], *, is_compiled: bool
) -> Mapping[str, Action]:
    """Return other forms by their names, to run forward and backward.

    Args:
        mix: The form in use.
        inputs: Features, taps and the upstream gradient.
        is_compiled: Whether the form in use and the sums, compiled, are among them.
    """
    x, _, upstream = inputs
    forms: dict[str, Action] = {"copies": partial(copies, x, upstream)}
    if is_compiled:
        torch._dynamo.reset()
        for name, form in (("compiled", mix), ("sums compiled", sums)):
            compiled = torch.compile(form, dynamic=False)
            forms[name] = partial(pass_through, compiled, *inputs)
    return forms
