"""Networks built from specifications."""

import inspect
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from harness.specs import DataSpec, ModelSpec, Option
from harness.utils.lookup import check_name, load_named
from harness.zoo import BACKBONES, MODULES
from harness.zoo.checkpoints.torchvision import load_imagenet
from harness.zoo.layers.insert import Insertable, insert


def build(model: ModelSpec, data: DataSpec, *, weights_root: Path | None = None) -> nn.Module:
    """Build the initialised network of a trial, in training mode.

    Args:
        model: Backbone and inserted modules.
        data: Source of the number of classes and of snippets.
        weights_root: Folder of initial weights. None skips loading them, as for counting.

    Returns:
        A module from (N U C T H W) clips to (N K) video-level logits.

    Raises:
        ValueError: If a name, an option or a position does not exist, or the weights do not fit.
    """
    backbone = load_named(BACKBONES, model.backbone, what="backbone")
    options: dict[str, Option] = {"num_classes": data.num_classes, "dropout": model.dropout}
    net: nn.Module = _call(backbone, model.backbone, **(options | dict(model.backbone_options)))
    if model.module is not None:
        module = load_named(MODULES, model.module, what="module")
        options = {"num_snippets": data.num_snippets} | dict(model.module_options)
        make_module = partial(_call, module, model.module, **options)
        if not isinstance(net, Insertable):
            raise ValueError(
                f"backbone {model.backbone} has no stages res2 to res5 for module {model.module}; "
                "set module=None, or give the backbone a method stage(name)"
            )
        insert(net, make_module, position=model.position, blocks=model.blocks)
    if model.weights is not None and weights_root is not None:
        load_imagenet(net, weights_root / model.weights)
    return net


def _call(constructor: Any, name: str, *args: int, **options: object) -> Any:
    """Call a constructor; refuse an option that it lacks."""
    allowed = inspect.signature(constructor).parameters
    for option in options:
        check_name(option, allowed, what=f"option of {name}")
    return constructor(*args, **options)
