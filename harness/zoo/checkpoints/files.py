"""State dicts from files: tensors by name, never code."""

import hashlib
import io
import pickle
import re
import struct
from pathlib import Path

import torch
from torch import Tensor

_WRAPPERS = ("state_dict", "model_state")
# Errors that torch.load was seen to raise for truncated or corrupted bytes, and for code.
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
    """Read tensors by name; never run code.

    Args:
        path: A `.safetensors` file, or one written by `torch.save`: a state dict, alone or inside
            a checkpoint under `state_dict` or `model_state`. Hexadecimal digits after the last
            dash of the file name are checked against its SHA-256.

    Raises:
        ValueError: If the file is missing, truncated or altered, or holds more than tensors.
    """
    if not path.is_file():
        raise ValueError(f"weights {path} do not exist; pass their folder by --weights FOLDER")
    content = path.read_bytes()
    tag = re.fullmatch(r".*-([0-9a-f]{8,64})", path.stem)
    digest = hashlib.sha256(content).hexdigest()
    if tag and not digest.startswith(tag[1]):
        raise ValueError(f"{path} was altered: its SHA-256 starts with {digest[: len(tag[1])]}")
    if path.suffix == ".safetensors":
        return _from_safetensors(content, path)
    return _unwrap(_from_pickle(content, path), path)


def _from_pickle(content: bytes, path: Path) -> object:
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        reason = "is truncated or corrupt, or holds more than tensors; no code in it was run"
        raise ValueError(f"{path} {reason}") from error


def _from_safetensors(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ImportError as error:
        raise ValueError(f"{path} needs the package safetensors; install it") from error
    try:
        state: dict[str, Tensor] = load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} is truncated, or not a safetensors file") from error
    return state


def _unwrap(state: object, path: Path) -> dict[str, Tensor]:
    """Return the state dict itself, or the one inside a checkpoint."""
    for wrapper in _WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    entries = state.items() if isinstance(state, dict) else [(type(state).__name__, state)]
    others = [k for k, v in entries if not (isinstance(k, str) and isinstance(v, Tensor))]
    if others:
        raise ValueError(
            f"{path} holds {len(others)} entries that are not tensors, first {others[0]}; "
            "save the state dict alone"
        )
    return dict(entries)
