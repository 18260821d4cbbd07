"""Learning rate schedules and mixed precision."""

import math

import torch

from harness.specs import TrainSpec

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def learning_rate(spec: TrainSpec, step: int, steps: int) -> float:
    """Return the learning rate of a step.

    Args:
        spec: Schedule.
        step: Index from 0 over the whole run.
        steps: Steps in an epoch.
    """
    warmup, total = round(spec.warmup_epochs * steps), spec.epochs * steps
    if step < warmup:
        return spec.lr * (spec.warmup_start + (1 - spec.warmup_start) * step / warmup)
    if spec.schedule == "step":
        return spec.lr * 0.1 ** sum(step >= milestone * steps for milestone in spec.milestones)
    progress = (step - warmup) / max(total - warmup, 1)
    return spec.lr * (1 + math.cos(math.pi * progress)) / 2


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the context of a forward pass at a precision."""
    return torch.autocast(
        device.type, dtype=_DTYPES.get(precision, torch.bfloat16), enabled=precision in _DTYPES
    )
