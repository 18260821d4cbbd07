"""Slots of a block, into which modules are inserted.

Axes: N videos, U snippets, C channels, T frames, H x W pixels; NU means both folded.
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn


class Slots(nn.ModuleDict):
    """The modules inserted into a block, by position.

    Args:
        channels_at: Channels at every position that the block has.
    """

    def __init__(self, channels_at: Mapping[str, int]) -> None:
        super().__init__()
        self.channels_at = channels_at

    def run(
        self, position: str, x: Float[Tensor, "NU C T H W"], num_snippets: int
    ) -> Float[Tensor, "NU C T H W"]:
        """Run the module of a position; without one, return the input.

        A module with `mixes_snippets = True` is called with U as well.
        """
        if position not in self:
            return x
        module = self[position]
        y: Tensor = module(x, num_snippets) if mixes_snippets(module) else module(x)
        return y

    @property
    def mix_snippets(self) -> bool:
        """Return whether an inserted module mixes snippets."""
        return any(mixes_snippets(module) for module in self.values())


def mixes_snippets(module: nn.Module | type[nn.Module]) -> bool:
    """Return whether a module mixes the snippets of a video; if so, it is called with U."""
    return getattr(module, "mixes_snippets", False)
