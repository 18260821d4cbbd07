"""Read weights from files, and 2D weights of torchvision into networks of the zoo."""

import hashlib
import io
import pickle
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from harness.zoo.resnet import ResNet

Rules = Mapping[str, str]

TORCHVISION: Rules = {
    r"^conv1\.": "stem.0.",
    r"^bn1\.": "stem.1.",
    r"^layer1\.": "res2.",
    r"^layer2\.": "res3.",
    r"^layer3\.": "res4.",
    r"^layer4\.": "res5.",
    r"\.conv1\.": ".convs.0.0.",
    r"\.conv2\.": ".convs.1.0.",
    r"\.conv3\.": ".convs.2.0.",
    r"\.bn1\.": ".convs.0.1.",
    r"\.bn2\.": ".convs.1.1.",
    r"\.bn3\.": ".convs.2.1.",
    r"\.downsample\.": ".shortcut.",
}
COUNTER = "num_batches_tracked"  # absent from old files; evaluation never reads it
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


def load_imagenet(net: ResNet, path: Path) -> None:
    """Inflate a 2D residual network of torchvision into `net`; its classifier stays as it is.

    A weight is copied along time and divided by the temporal kernel, so that a video of one
    repeated picture gives the 2D network's features. Inserted modules keep their own start.

    Args:
        net: Changed in place.
        path: State dict in torchvision's naming. Hexadecimal digits after the last dash of the
            file name, as in `resnet50-0676ba61.pth`, are checked against its SHA-256.

    Raises:
        ValueError: If the file is missing or altered, or its tensors do not cover the trunk.
    """
    found = {
        rename(name, TORCHVISION): tensor
        for name, tensor in read_state_dict(path).items()
        if not name.startswith("fc.")
    }
    wanted = {
        name: tensor
        for name, tensor in net.state_dict().items()
        if not name.startswith("fc.") and ".slots." not in name
    }
    odd = sorted(name for name in found.keys() ^ wanted.keys() if not name.endswith(COUNTER))
    if odd:
        raise ValueError(f"{path}: {len(odd)} tensors do not match the trunk, first {odd[0]}")
    inflated = {name: fit(found[name], wanted[name], name) for name in wanted if name in found}
    net.load_state_dict(inflated, strict=False)


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


def rename(name: str, rules: Rules) -> str:
    """Apply regular expressions and their replacements, one after the other."""
    for pattern, replacement in rules.items():
        name = re.sub(pattern, replacement, name)
    return name


def fit(tensor: Tensor, like: Tensor, name: str) -> Tensor:
    """Return a trained tensor in the layout of the network's.

    A 2D kernel is spread over time. A 4D kernel comes as (U D C T H W), or with space flattened
    as (D C U T HW) where it is one pixel wide; here it is (D C U T H W).

    Raises:
        ValueError: If the shape is another one.
    """
    if like.ndim == 5 and tensor.ndim == 4:
        frames = like.shape[2]
        tensor = tensor.unsqueeze(2).expand(-1, -1, frames, -1, -1) / frames
    elif like.ndim == 6 and tensor.ndim == 5:
        tensor = rearrange(tensor, "d c u t hw -> d c u t hw 1")
    elif like.ndim == 6 and tensor.ndim == 6:
        tensor = rearrange(tensor, "u d c t h w -> d c u t h w")
    if tensor.shape != like.shape:
        raise ValueError(f"{name} is {tuple(tensor.shape)}; this network has {tuple(like.shape)}")
    return tensor
