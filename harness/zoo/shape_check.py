"""Shapes that a network and its inserted modules keep, checked before a trial of somebody's own.

A wrong shape need not fail by itself: one that broadcasts trains, and means something else.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.specs import DataSpec, ModelSpec
from harness.utils import escape
from harness.zoo.build import build
from harness.zoo.layers.slots import Slots


def check_shapes(model: ModelSpec, data: DataSpec) -> None:
    """Run a network once on the device that computes nothing.

    Raises:
        ValueError: If it cannot be built or run, or a shape is wrong.
    """
    shape = (1, data.num_snippets, 3, data.num_frames, data.crop_px, data.crop_px)
    blamed = model.module or model.backbone
    try:
        with torch.device("meta"):
            net, clip = build(model, data), torch.empty(shape)
        for slots in [part for part in net.modules() if isinstance(part, Slots)]:
            for module in slots.values():
                module.register_forward_hook(partial(_check_kept, blamed))
        with torch.inference_mode():
            logits = net.eval()(clip)
    except (ValueError, ImportError):
        raise
    except Exception as error:
        text = escape.one_line(error)
        raise ValueError(f"{blamed} does not run: {type(error).__name__}: {text}") from error
    expected = (1, data.num_classes)
    if _shape(logits) != expected:
        raise ValueError(
            f"{model.backbone} returns {_shape(logits)} for clips {shape}; a backbone maps "
            f"(N U C T H W) to logits (N K), here {expected}"
        )


def _check_kept(name: str, _: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
    given = tuple(inputs[0].shape)
    if _shape(output) != given:
        raise ValueError(f"{name} returns {_shape(output)} for {given}; a module keeps the shape")


def _shape(output: object) -> object:
    return tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
