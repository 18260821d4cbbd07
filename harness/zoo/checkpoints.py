"""Read weights that others trained into networks of the zoo."""

import hashlib
import re
from pathlib import Path

import torch
from torch import Tensor

from harness.zoo.resnet import ResNet

_STEM = {"conv1": "stem.0", "bn1": "stem.1"}
_PARTS = {"conv": "0", "bn": "1"}


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
        inner_name(name): tensor
        for name, tensor in read_state_dict(path).items()
        if not name.startswith("fc.")
    }
    wanted = {
        name: tensor
        for name, tensor in net.state_dict().items()
        if not name.startswith("fc.") and ".slots." not in name
    }
    if found.keys() != wanted.keys():
        odd = sorted(found.keys() ^ wanted.keys())
        raise ValueError(f"{path}: {len(odd)} tensors do not match the trunk, first {odd[0]}")
    inflated = {name: _inflate(found[name], wanted[name], name) for name in wanted}
    net.load_state_dict(inflated, strict=False)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read tensors by name, never code.

    Raises:
        ValueError: If the file is missing, or does not have the hash that its name carries.
    """
    if not path.is_file():
        raise ValueError(f"initial weights {path} are missing; give their folder with --weights")
    tag = re.fullmatch(r".*-([0-9a-f]{8,64})", path.stem)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if tag and not digest.startswith(tag[1]):
        raise ValueError(f"{path} was altered: its SHA-256 starts with {digest[: len(tag[1])]}")
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def inner_name(name: str) -> str:
    """Translate torchvision's name of a trunk tensor, as `layer1.0.bn2.bias`, into the zoo's."""
    head, _, rest = name.partition(".")
    if head in _STEM:
        return f"{_STEM[head]}.{rest}"
    index, part, rest = rest.split(".", 2)
    stage = f"res{int(head.removeprefix('layer')) + 1}.{index}"
    if part == "downsample":
        return f"{stage}.shortcut.{rest}"
    kind, number = part[:-1], int(part[-1])
    return f"{stage}.convs.{number - 1}.{_PARTS[kind]}.{rest}"


def _inflate(flat: Tensor, like: Tensor, name: str) -> Tensor:
    if flat.ndim == 4 and like.ndim == 5:
        frames = like.shape[2]
        flat = flat.unsqueeze(2).expand(-1, -1, frames, -1, -1) / frames
    if flat.shape != like.shape:
        raise ValueError(f"{name} is {tuple(flat.shape)}; this network has {tuple(like.shape)}")
    return flat
