"""Learning rates of a schedule, and mixed precision."""

import math

import torch

from harness.specs import TrainSpec

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def learning_rate(spec: TrainSpec, step: int, steps: int) -> float:
    """Return the learning rate of a step.

    Args:
        spec: Schedule.
        step: From 0, over the whole run.
        steps: In an epoch.
    """
    warm, total = round(spec.warmup_epochs * steps), spec.epochs * steps
    if step < warm:
        return spec.lr * (spec.warmup_start + (1 - spec.warmup_start) * step / warm)
    if spec.schedule == "step":
        return spec.lr * 0.1 ** sum(step >= milestone * steps for milestone in spec.milestones)
    done = (step - warm) / max(total - warm, 1)
    return spec.lr * (1 + math.cos(math.pi * done)) / 2


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the context in which a forward pass runs at a precision."""
    return torch.autocast(
        device.type, dtype=_DTYPES.get(precision, torch.bfloat16), enabled=precision in _DTYPES
    )
