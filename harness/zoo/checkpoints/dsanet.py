"""Weights of the released DSANet.

Source: checked against github.com/whwu95/DSANet 5c877eb.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from harness.specs import Option, Position
from harness.zoo.checkpoints.family import (
    CheckpointLayout,
    module_blocks,
    read_trunk,
    shape_of,
    zoo_names,
)
from harness.zoo.checkpoints.rename import Rules
from harness.zoo.checkpoints.torchvision import TORCHVISION

DSANET: Rules = {
    r"^module\.": "",
    r"^backbone\.": "",
    r"^(layer\d\.\d+)\.block\.": r"\1.",
    r"^cls_head\.fc_cls\.": "fc.",
    **TORCHVISION,
}


def dsanet(
    tensors: Mapping[str, Tensor],
    *,
    position: Position = "after_conv1",
    beta: float = 1 / 8,
    identity: bool | None = None,
) -> CheckpointLayout:
    """Return the layout of a DSANet; generator shapes give U, alpha and the number of taps.

    Args:
        tensors: By official name.
        position: Not in the weights: the released code stores a module beside its block at every
            position, and none of its weights has a channel axis. Default: position II, the
            paper's choice.
        beta: Share of the channels that are mixed. Not in the weights: the generator is
            alpha U x U for every share. Default: that of the released configuration.
        identity: Whether the module adds its input. Not in the weights either. None: after the
            block yes, inside it no, as in the released code.
    """
    generator = {r"\.dsa\.generate\.": f".slots.{position}.generator."}
    names = zoo_names(tensors, {**DSANET, **generator})
    spec, blocks = read_trunk(names, tensors), module_blocks(names)
    if not blocks:
        return CheckpointLayout(names=names, spec=spec)
    width, num_snippets = shape_of(names, tensors, ".generator.0.weight")
    options: dict[str, Option] = {
        "alpha": width // num_snippets,
        "beta": beta,
        "kernel_size": shape_of(names, tensors, ".generator.3.weight")[0],
        "identity": position == "after_block" if identity is None else identity,
    }
    spec = replace(spec, module="dsa", module_options=options, position=position, blocks=blocks)
    return CheckpointLayout(names=names, spec=spec, num_snippets=num_snippets)
