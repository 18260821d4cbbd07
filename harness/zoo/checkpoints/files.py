"""State dicts from files: tensors by name, never code."""

import codecs
import hashlib
import io
import pickle
import re
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

_WRAPPERS = ("state_dict", "model_state")
_REMEDY = (
    "save the state dict alone with the program that wrote it: torch.save(model.state_dict(), FILE)"
)
# What torch.load says of a function or class that is none of its own.
_FOREIGN = re.compile(r"Unsupported (?:global|class|operand)[^\n]*?\b((?:\w+\.)+)(\w+)")
_SCALAR: Any = np.float64(0).__reduce__()[0]
_KINDS = "?bBhHiIlLqQefd"
# Plain numbers of NumPy run no code; the old name is that of NumPy 1.
_NUMBERS: list[Any] = [
    *(_SCALAR, (_SCALAR, "numpy.core.multiarray.scalar"), np.dtype),
    *{type(np.dtype(kind)) for kind in _KINDS},
    (codecs.encode, "_codecs.encode"),
]
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
            dash of the file name that are no date are checked against its SHA-256.

    Raises:
        ValueError: If the file is missing, truncated or altered, or holds more than tensors.
    """
    if not path.is_file():
        raise ValueError(f"weights {path} do not exist; pass their folder by --weights FOLDER")
    content = path.read_bytes()
    _check_name(path, hashlib.sha256(content).hexdigest())
    if path.suffix == ".safetensors":
        return _from_safetensors(content, path)
    return _unwrap(_from_pickle(content, path), path)


def _check_name(path: Path, digest: str) -> None:
    """Compare a file with the hash in its name, if there is one."""
    tag = re.fullmatch(r".*-([0-9a-f]{8,64})", path.stem)
    if tag and not digest.startswith(tag[1]) and not _is_date(tag[1]):
        raise ValueError(
            f"{path} was altered: by its name its SHA-256 begins with {tag[1]}, but it is "
            f"{digest[: len(tag[1])]}…; get it again, or rename it if these digits are no hash"
        )


def _is_date(digits: str) -> bool:
    """Return whether digits are a day of these times, perhaps with a time of day."""
    if not re.fullmatch(r"(19|20)\d\d(\d\d){2,5}", digits):
        return False
    try:
        datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007: never compared
    except ValueError:
        return False
    return True


def _from_pickle(content: bytes, path: Path) -> object:
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        met = _FOREIGN.search(str(error))
        # A pickle ends a name by a new line; without it the file was cut within the name.
        if met and f"{met[2]}\n".encode() in content:
            reason = f"holds {met[1]}{met[2]} beside its tensors; no code in it was run; {_REMEDY}"
        else:
            reason = "is truncated or corrupt; no code in it was run"
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
        known = f"known keys of weights are {', '.join(_WRAPPERS)}"
        if inner := [k for k, v in entries if isinstance(v, dict) and _has_tensors(v)]:
            known = f"its weights seem to be under {inner[0]!r}, and {known}"
        raise ValueError(
            f"{path} holds {len(others)} entries that are not tensors, first {others[0]}; "
            f"{known}; {_REMEDY}"
        )
    return dict(entries)


def _has_tensors(entries: dict[object, object]) -> bool:
    return any(isinstance(value, Tensor) for value in entries.values())
