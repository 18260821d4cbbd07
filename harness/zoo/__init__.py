"""The model zoo: names of backbones and modules, and how a specification becomes a network.

A name maps to where its class or function lives: importing one network never imports another,
and the code hash of a trial covers only what that trial uses.
"""

import inspect
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from harness.names import check, find
from harness.specs import DataSpec, ModelSpec, Option
from harness.zoo.checkpoints import load_imagenet
from harness.zoo.insert import insert
from harness.zoo.resnet import ResNet

BACKBONES = {
    "resnet18": "harness.zoo.resnet:resnet18",
    "resnet50": "harness.zoo.resnet:resnet50",
    "i3d_resnet18": "harness.zoo.resnet:i3d_resnet18",
    "i3d_resnet50": "harness.zoo.resnet:i3d_resnet50",
    "tsm_resnet18": "harness.zoo.tsm:tsm_resnet18",
    "tsm_resnet50": "harness.zoo.tsm:tsm_resnet50",
}
MODULES = {
    "dsa": "harness.zoo.dsa:DSA",
    "se": "harness.zoo.se:SE",
    "v4d": "harness.zoo.v4d:V4D",
}
CHECKPOINTS = {
    "dsanet": "harness.zoo.families:dsanet",
    "v4d": "harness.zoo.families:v4d",
    "tsm": "harness.zoo.families:tsm",
    "slowonly-pyslowfast": "harness.zoo.families:slowonly_pyslowfast",
    "slowonly-pytorchvideo": "harness.zoo.families:slowonly_pytorchvideo",
}


def build(model: ModelSpec, data: DataSpec, *, weights_root: Path | None = None) -> nn.Module:
    """Build the network of a trial, initialised, in training mode.

    Args:
        model: Backbone, and what stands where in it.
        data: Gives the number of classes and of snippets.
        weights_root: Folder of initial weights. None leaves them out: enough to count with.

    Returns:
        A module from (N U C T H W) clips to (N K) video-level logits.

    Raises:
        ValueError: If a name, an option or a place does not exist, or the weights do not fit.
    """
    backbone = find(BACKBONES, model.backbone, what="backbone")
    options: dict[str, Option] = {"num_classes": data.num_classes, "dropout": model.dropout}
    net: ResNet = _call(backbone, model.backbone, **(options | dict(model.backbone_options)))
    if model.module is not None:
        module = find(MODULES, model.module, what="module")
        options = {"num_snippets": data.num_snippets} | dict(model.module_options)
        make = partial(_call, module, model.module, **options)
        insert(net, make, position=model.position, blocks=model.blocks)
    if model.weights is not None and weights_root is not None:
        load_imagenet(net, weights_root / model.weights)
    return net


def _call(make: Any, name: str, *args: int, **options: object) -> Any:
    """Call a constructor; an option that it lacks is the caller's mistake."""
    allowed = inspect.signature(make).parameters
    for option in options:
        check(option, allowed, what=f"option of {name}")
    return make(*args, **options)
