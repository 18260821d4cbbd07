"""Weights from files: tensors by name, never code."""

import hashlib
import io
import pickle
import re
import struct
from pathlib import Path

import torch
from torch import Tensor

_WRAPPERS = ("state_dict", "model_state")
# What torch.load was seen to raise for bytes cut off or flipped, and for code.
_DAMAGE = (
    pickle.UnpicklingError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read tensors by name, never code.

    Args:
        path: A `.safetensors` file, or what `torch.save` wrote: a state dict, alone or inside a
            checkpoint under `state_dict` or `model_state`. Hexadecimal digits after the last dash
            of the file name are checked against its SHA-256.

    Raises:
        ValueError: If the file is missing, cut or altered, or holds more than tensors.
    """
    if not path.is_file():
        raise ValueError(f"weights {path} are missing; give the folder of initial ones: --weights")
    content = path.read_bytes()
    tag = re.fullmatch(r".*-([0-9a-f]{8,64})", path.stem)
    digest = hashlib.sha256(content).hexdigest()
    if tag and not digest.startswith(tag[1]):
        raise ValueError(f"{path} was altered: its SHA-256 starts with {digest[: len(tag[1])]}")
    if path.suffix == ".safetensors":
        return _from_safetensors(content, path)
    return _opened(_from_pickle(content, path), path)


def _from_pickle(content: bytes, path: Path) -> object:
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        reason = "is cut or damaged, or holds more than tensors; nothing in it was run"
        raise ValueError(f"{path} {reason}") from error


def _from_safetensors(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ImportError as error:
        raise ValueError(f"{path} cannot be read without the package safetensors") from error
    try:
        state: dict[str, Tensor] = load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} is cut, or no safetensors file") from error
    return state


def _opened(state: object, path: Path) -> dict[str, Tensor]:
    """Return the state dict itself or the one inside a checkpoint."""
    for wrapper in _WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    entries = state.items() if isinstance(state, dict) else [(type(state).__name__, state)]
    odd = [k for k, v in entries if not (isinstance(k, str) and isinstance(v, Tensor))]
    if odd:
        raise ValueError(f"{path} holds {len(odd)} entries that are not tensors, first {odd[0]}")
    return dict(entries)
