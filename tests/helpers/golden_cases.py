"""Weights and inputs of the golden cases: a tensor is a function of its name, shape and gain."""

import base64
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor


def tensor(name: str, shape: list[int], gain: float = 1.0) -> Tensor:
    """Draw one parameter or buffer."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    rng = np.random.Generator(np.random.PCG64(seed))
    if len(shape) >= 2:
        drawn = rng.standard_normal(shape) * math.sqrt(2 / math.prod(shape[1:])) * gain
    elif name.endswith("running_mean"):
        drawn = rng.standard_normal(shape) * 0.1
    elif name.endswith(("running_var", "weight")):
        drawn = rng.uniform(0.8, 1.2, shape)
    else:
        drawn = rng.standard_normal(shape) * 0.05
    return torch.from_numpy(drawn.astype(np.float32))


def state_dict(names_and_shapes: list[tuple[str, list[int]]], gain: float) -> dict[str, Tensor]:
    """Draw every tensor of a case."""
    return {name: tensor(name, shape, gain) for name, shape in names_and_shapes}


def clip(seed: int, shape: list[int]) -> Tensor:
    """Draw the input of a case."""
    rng = np.random.Generator(np.random.PCG64(seed))
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def decoded(stored: dict[str, Any]) -> Tensor:
    """Read an array that a case stores whole."""
    values = np.frombuffer(base64.b64decode(stored["base64"]), dtype=stored["dtype"])
    return torch.from_numpy(values.reshape(stored["shape"]).copy())


def golden(name: str) -> dict[str, Any]:
    """Read a case of tests/golden."""
    path = Path(__file__).parents[1] / "golden" / f"{name}.json"
    case: dict[str, Any] = json.loads(path.read_text())
    return case


def ghosts(case: str) -> dict[str, Tensor]:
    """Return tensors without values for a list of names and shapes."""
    sizes = golden(f"names/{case}")["state_dict"]
    return {name: torch.empty(shape, device="meta") for name, shape in sizes}


def thinned(shape: list[int]) -> list[int]:
    """Return a shape with an eighth of the channels: quick to build."""
    return [extent // 8 if extent >= 64 else extent for extent in shape]


def thin(case: str, **changes: Tensor | None) -> dict[str, Tensor]:
    """Draw the thinned weights of a case, with some changed, or dropped where None."""
    sizes = [(name, thinned(shape)) for name, shape in golden(case)["state_dict"]]
    official = state_dict(sizes, 0.8) | changes
    return {name: value for name, value in official.items() if value is not None}
