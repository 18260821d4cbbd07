"""Initial weights of a trial: where they are looked for, where to get them, and their hash."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.specs import DataSpec, ModelSpec
from harness.zoo.build import build
from harness.zoo.checkpoints.torchvision import inflate

FROM_SCRATCH = "none, trained from scratch"
# How to get a file, by its name.
SOURCES: Mapping[str, str] = {
    r"resnet\d+-[0-9a-f]{8}\.pth": "torchvision releases it as "
    "https://download.pytorch.org/models/{name}",
    r"(?P<trunk>\w+)_kinetics400\.safetensors": "nobody released this file: train {trunk} on "
    "Kinetics-400 with `harness run --keep-checkpoints`, write it with `harness export KEY`, and "
    "name its model.safetensors so",
}
_REMEDY = (
    "put it in a folder and name that by --weights or HARNESS_WEIGHTS, or train without it by "
    "--from-scratch"
)


@dataclass(frozen=True, kw_only=True)
class WeightsCheck:
    """Initial weights that trials need, and what is wrong with them.

    Attributes:
        name: File name.
        finding: The file that was found; what is wrong if there is a remedy.
        remedy: Empty if the file fits.
    """

    name: str
    finding: str
    remedy: str = ""


def find(name: str, root: Path | None) -> Path:
    """Return the path of initial weights.

    Args:
        name: File name.
        root: Folder of initial weights; None if none was named.

    Raises:
        ValueError: If the file is missing; says where it was looked for, and where to get it.
    """
    if root is not None and (root / name).is_file():
        return root / name
    place = f"{root} lacks them" if root is not None else "no folder of weights is named"
    raise ValueError(f"initial weights {name} are required, and {place}; {how_to_get(name)}")


def how_to_get(name: str) -> str:
    """Return how to get initial weights and where to put them."""
    for pattern, source in SOURCES.items():
        if match := re.fullmatch(pattern, name):
            return f"{source.format(name=name, **match.groupdict())}; {_REMEDY}"
    return _REMEDY


def describe(model: ModelSpec, root: Path | None) -> dict[str, str]:
    """Return the initial weights of a network for the provenance of its record, with their hash."""
    if model.weights is None:
        return {"initial_weights": FROM_SCRATCH}
    with find(model.weights, root).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"initial_weights": model.weights, "initial_weights_sha256": digest}


def check(
    networks: Iterable[tuple[ModelSpec, DataSpec]], root: Path | None
) -> Iterator[WeightsCheck]:
    """Check the initial weights of networks: that they exist, are whole, and fit; each once.

    Args:
        networks: Of the trials that will run.
        root: Folder of initial weights; None if none was named.
    """
    seen = set()
    for model, data in networks:
        trunk = (model.weights, model.backbone, repr(sorted(model.backbone_options.items())))
        if model.weights is None or trunk in seen:
            continue
        seen.add(trunk)
        yield _check_one(model, data, root, name=model.weights)


def _check_one(model: ModelSpec, data: DataSpec, root: Path | None, *, name: str) -> WeightsCheck:
    try:
        path = find(name, root)
    except ValueError:
        place = "no folder of weights is named" if root is None else f"not in {root}"
        return WeightsCheck(name=name, finding=f"missing: {place}", remedy=how_to_get(name))
    with torch.device("meta"):
        net = build(model, data)
    try:
        inflate(net, path)
    except ValueError as error:
        return WeightsCheck(name=name, finding=str(error), remedy=how_to_get(name))
    return WeightsCheck(name=name, finding=f"{path} fits {model.backbone}")
