"""Squeeze-and-excitation (SE): channel gates for each snippet.

Source: Hu et al. 2018, arXiv 1709.01507, section 3; with pooling over time as well, as needed for
the video baseline of the DSANet paper.
"""

from harness.zoo.layers.gate import ChannelGate


class SE(ChannelGate):
    """A scaling of the channels of each snippet by gates between zero and one, from its means.

    Snippets are not mixed: the logits of a network with SE are still an average over snippets.

    Args:
        channels: C.
        num_snippets: U, an argument of every module; SE does not depend on it.
        reduction: The hidden layer of the gate has C / reduction channels, at least one.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_snippets: int,  # noqa: ARG002
        reduction: int = 16,
    ) -> None:
        super().__init__(channels, width=max(channels // reduction, 1))
